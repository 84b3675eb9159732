"""Wrong solutions of problem set 5, and the marks each must get."""

from pieces import changed

SET = "ps5-dense-and-memory"


_PLAN = """
def channel_plan(stem, blocks, growth_rate, compression):
    plan = [stem]
    for number, num_layers in enumerate(blocks, start=1):
        leaving = plan[-1] + num_layers * growth_rate
        plan.append(math.floor(compression * leaving) if number < len(blocks) else leaving)
    return plan
"""

_FOR_CONCATENATION = """
def for_concatenation(weight, num_parts):
    return weight.repeat(1, num_parts, 1, 1)
"""

_BLOCK = """
class BottleneckLayer(nn.Module):
    def __init__(self, in_channels, growth_rate, width):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width * growth_rate, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width * growth_rate)
        self.conv2 = nn.Conv2d(width * growth_rate, growth_rate, 3, padding=1, bias=False)

    def forward(self, *features):
        narrow = self.conv1(F.relu(self.norm1(torch.cat(features, dim=1))))
        return self.conv2(F.relu(self.norm2(narrow)))


class BottleneckBlock(nn.Module):
    def __init__(self, num_layers, in_channels, growth_rate, width=4):
        super().__init__()
        self.layers = nn.ModuleList(
            BottleneckLayer(in_channels + number * growth_rate, growth_rate, width) for number in range(num_layers)
        )

    def forward(self, X):
        features = [X]
        for layer in self.layers:
            features.append(layer(*features))
        return torch.cat(features, dim=1)
"""

_TRANSITION = """
class Transition(nn.Module):
    def __init__(self, in_channels, compression=0.5):
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.conv = nn.Conv2d(in_channels, math.floor(compression * in_channels), 1, bias=False)

    def forward(self, X):
        return self.conv(F.avg_pool2d(F.relu(self.norm(X)), 2))
"""

_KEPT_BYTES = """
def naive_bytes(num_layers, in_channels, growth_rate, width, map_bytes):
    maps = 0
    for number in range(num_layers):
        maps += 2 * (in_channels + number * growth_rate) + 2 * width * growth_rate
    return maps * map_bytes


def shared_bytes(num_layers, in_channels, growth_rate, map_bytes):
    return (in_channels + (num_layers - 1) * growth_rate) * map_bytes
"""

_RECOMPUTE = """
class Recompute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, run, *inputs):
        ctx.run = run
        ctx.save_for_backward(*inputs)
        return run(*inputs)

    @staticmethod
    def backward(ctx, grad):
        saved = ctx.saved_tensors
        inputs = [t.detach().requires_grad_(needed) for t, needed in zip(saved, ctx.needs_input_grad[1:])]
        with torch.enable_grad(), paused_statistics(ctx.run):
            out = ctx.run(*inputs)
        torch.autograd.backward(out, grad)
        return None, *(copy.grad for copy in inputs)
"""

_FRUGAL = """
class FrugalBlock(BottleneckBlock):
    def forward(self, X):
        features = [X]
        for layer in self.layers:
            features.append(Recompute.apply(layer, *features))
        return torch.cat(features, dim=1)
"""

_STATE_BYTES = """
def state_bytes(parameters, optimizer, precision="float32"):
    buffers = {"sgd": 0, "momentum": 1, "adam": 2}[optimizer]
    if precision == "mixed":
        return parameters * (2 + 2 + 4 + 4 * buffers)
    return parameters * (2 + buffers) * {"float64": 8, "float32": 4, "bfloat16": 2}[precision]
"""

_LARGEST_BATCH = """
def largest_batch(budget, fixed, per_image):
    images = (budget - fixed) // per_image
    if images < 1:
        raise ValueError("not even one image fits")
    return images
"""

_ACCUMULATE = """
def accumulate(net, X, y, micro):
    net.zero_grad()
    total = 0.0
    for images, labels in zip(X.split(micro), y.split(micro)):
        loss = F.cross_entropy(net(images), labels, reduction="sum") / len(X)
        loss.backward()
        total += loss.item()
    return total
"""

_MENDED = """
class MendedBlock(nn.Module):
    def __init__(self, num_layers, in_channels, growth_rate):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.ReLU(),
                nn.Conv2d(in_channels + number * growth_rate, growth_rate, 3, padding=1, bias=False),
                nn.BatchNorm2d(growth_rate),
            )
            for number in range(num_layers)
        )

    def forward(self, X):
        for layer in self.layers:
            X = torch.cat((X, layer(X)), dim=1)
        return X
"""

_VALIDATION = """
def validation_loss(net, batches):
    training = net.training
    net.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for X, y in batches:
            total += F.cross_entropy(net(X), y, reduction="sum").item()
            count += len(y)
    net.train(training)
    return total / count
"""

#: name → (replaced solution cells, test cells that must get 0; all others full)
VARIANTS = {
    "plan-always-halves": (
        {"channel-plan": changed(_PLAN, ("math.floor(compression * leaving)", "leaving // 2"))},
        {"test-channel-plan"},
    ),
    "plan-rounds-to-nearest": (
        {"channel-plan": changed(_PLAN, ("math.floor(compression * leaving)", "round(compression * leaving)"))},
        {"test-channel-plan"},
    ),
    "plan-compresses-the-last": (
        {"channel-plan": changed(_PLAN, ("if number < len(blocks) else leaving", ""))},
        {"test-channel-plan"},
    ),
    "concatenation-interleaved": (
        {"for-concatenation": changed(_FOR_CONCATENATION, ("repeat(1, num_parts, 1, 1)",
                                                            "repeat_interleave(num_parts, dim=1)"))},
        {"test-for-concatenation"},
    ),
    "concatenation-in-a-loop-in-float32": (  # right
        {"for-concatenation": '''
def for_concatenation(weight, num_parts):
    out, channels = weight.shape[:2]
    wide = torch.zeros(out, num_parts * channels, 1, 1)
    for part in range(num_parts):
        wide[:, part * channels:(part + 1) * channels] = weight
    return wide
'''},
        set(),
    ),
    "concatenation-averages": (
        {"for-concatenation": changed(_FOR_CONCATENATION, ("1, 1)", "1, 1) / num_parts"))},
        {"test-for-concatenation"},
    ),
    "block-second-relu-missing": (
        {"bottleneck-block": changed(_BLOCK, ("F.relu(self.norm2(narrow))", "self.norm2(narrow)"))},
        {"test-bottleneck-block"},
    ),
    "block-relu-before-norm": (
        {"bottleneck-block": changed(_BLOCK, ("F.relu(self.norm1(torch.cat(features, dim=1)))",
                                               "self.norm1(F.relu(torch.cat(features, dim=1)))"))},
        {"test-bottleneck-block"},
    ),
    "block-ignores-width": (
        {"bottleneck-block": changed(_BLOCK, ("width * growth_rate", "4 * growth_rate"))},
        {"test-bottleneck-block"},
    ),
    "block-newest-first": (
        {"bottleneck-block": changed(_BLOCK, ("features.append(layer(*features))",
                                               "features.insert(0, layer(*features))")),
         "frugal-block": changed(_FRUGAL, ("features.append(Recompute.apply(layer, *features))",
                                            "features.insert(0, Recompute.apply(layer, *features))"))},
        {"test-bottleneck-block"},
    ),
    "block-forgets-its-input": (
        {"bottleneck-block": changed(_BLOCK, ("return torch.cat(features, dim=1)",
                                               "return torch.cat(features[1:], dim=1)")),
         "frugal-block": changed(_FRUGAL, ("return torch.cat(features, dim=1)",
                                            "return torch.cat(features[1:], dim=1)"))},
        {"test-bottleneck-block"},
    ),
    "transition-convolution-first": (
        {"transition": changed(_TRANSITION, ("self.conv(F.avg_pool2d(F.relu(self.norm(X)), 2))",
                                              "F.avg_pool2d(self.conv(F.relu(self.norm(X))), 2)"))},
        {"test-transition"},
    ),
    "transition-averages-before-relu": (
        {"transition": changed(_TRANSITION, ("F.avg_pool2d(F.relu(self.norm(X)), 2)",
                                              "F.relu(F.avg_pool2d(self.norm(X), 2))"))},
        {"test-transition"},
    ),
    "transition-rounds-up": (
        {"transition": changed(_TRANSITION, ("math.floor", "math.ceil"))},
        {"test-transition"},
    ),
    "transition-largest-instead-of-mean": (
        {"transition": changed(_TRANSITION, ("F.avg_pool2d", "F.max_pool2d"))},
        {"test-transition"},
    ),
    "bytes-ignore-width": (
        {"kept-bytes": changed(_KEPT_BYTES, ("2 * width * growth_rate", "8 * growth_rate"))},
        {"test-kept-bytes"},
    ),
    "bytes-ignore-map": (
        {"kept-bytes": changed(_KEPT_BYTES, ("* map_bytes", ""))},
        {"test-kept-bytes"},
    ),
    "bytes-grow-in-a-line": (  # L · k instead of L · (L - 1) / 2 · k: for three layers the same
        {"kept-bytes": changed(_KEPT_BYTES, ("number * growth_rate", "growth_rate"))},
        {"test-kept-bytes"},
    ),
    "bytes-shared-with-last-layer": (
        {"kept-bytes": changed(_KEPT_BYTES, ("(num_layers - 1)", "num_layers"))},
        {"test-kept-bytes"},
    ),
    "recompute-ignores-incoming-gradient": (
        {"recompute": changed(_RECOMPUTE, ("backward(out, grad)", "backward(out, torch.ones_like(out))"))},
        {"test-recompute"},
    ),
    "recompute-moves-statistics-twice": (
        {"recompute": changed(_RECOMPUTE, ("torch.enable_grad(), paused_statistics(ctx.run)", "torch.enable_grad()"))},
        {"test-recompute-once"},
    ),
    "recompute-pauses-the-first-run": (
        {"recompute": changed(_RECOMPUTE, ("        return run(*inputs)",
                                            "        with paused_statistics(run):\n            return run(*inputs)"))},
        {"test-recompute-once"},
    ),
    "recompute-keeps-inputs-on-ctx": (
        {"recompute": changed(_RECOMPUTE, ("ctx.save_for_backward(*inputs)", "ctx.inputs = inputs"),
                               ("ctx.saved_tensors", "ctx.inputs"))},
        {"test-recompute-once"},
    ),
    "recompute-loses-the-weights": (
        {"recompute": changed(_RECOMPUTE, ("torch.autograd.backward(out, grad)",
                                            "grads = torch.autograd.grad(out, inputs, grad)"),
                               ("*(copy.grad for copy in inputs)", "*grads"))},
        {"test-recompute"},
    ),
    "frugal-copies-all-features": (
        {"frugal-block": changed(_FRUGAL, ("layer, *features", "layer, torch.cat(features, dim=1)"))},
        {"test-frugal-block"},
    ),
    "frugal-never-recomputes": (
        {"frugal-block": changed(_FRUGAL, ("Recompute.apply(layer, *features)", "layer(*features)"))},
        {"test-frugal-block"},
    ),
    "frugal-cuts-the-features-off": (  # the newest only keeps its past, so outputs and bytes are right
        {"frugal-block": changed(_FRUGAL, ("layer, *features", "layer, X, *(f.detach() for f in features[1:])"))},
        {"test-frugal-block"},
    ),
    "state-mixed-buffers-in-two-bytes": (
        {"state-bytes": changed(_STATE_BYTES, ("4 * buffers", "2 * buffers"))},
        {"test-state-bytes"},
    ),
    "state-no-gradients": (
        {"state-bytes": changed(_STATE_BYTES, ("(2 + buffers)", "(1 + buffers)"))},
        {"test-state-bytes"},
    ),
    "batch-of-none": (
        {"largest-batch": changed(_LARGEST_BATCH, ("if images < 1:", "if images < 0:"))},
        {"test-largest-batch"},
    ),
    "batch-never-fills-the-budget": (
        {"largest-batch": changed(_LARGEST_BATCH, ("(budget - fixed)", "(budget - fixed - 1)"))},
        {"test-largest-batch"},
    ),
    "accumulate-mean-of-means": (
        {"accumulate": changed(_ACCUMULATE, ('labels, reduction="sum") / len(X)', "labels) / len(X.split(micro))"))},
        {"test-accumulate"},
    ),
    "accumulate-old-gradients-stay": (
        {"accumulate": changed(_ACCUMULATE, ("    net.zero_grad()\n", ""))},
        {"test-accumulate"},
    ),
    "accumulate-all-graphs-at-once": (
        {"accumulate": changed(_ACCUMULATE, ("        loss.backward()\n", ""), ("loss.item()", "loss"),
                                ("return total", "total.backward()\n    return total.item()"))},
        {"test-accumulate"},
    ),
    "accumulate-sum-not-mean": (
        {"accumulate": changed(_ACCUMULATE, (" / len(X)", ""))},
        {"test-accumulate"},
    ),
    "normalized-whole-batch": (
        {"predict-normalized": "normalized = [-1.1767, -0.7845, 0.7845, 1.1767]"},
        {"test-normalized"},
    ),
    "mended-wrong-axis-stays": (
        {"mended-block": changed(_MENDED, ("torch.cat((X, layer(X)), dim=1)",
         "torch.cat((X.flatten(0, 1), layer(X).flatten(0, 1))).view(len(X), -1, *X.shape[2:])"))},
        {"test-mended-block"},
    ),
    "mended-in-place-stays": (
        {"mended-block": changed(_MENDED, ("nn.ReLU()", "nn.ReLU(inplace=True)"))},
        {"test-mended-shared"},
    ),
    "mended-detach-stays": (
        {"mended-block": changed(_MENDED, ("layer(X))", "layer(X.detach()))"))},
        {"test-mended-shared"},
    ),
    "mended-without-relu": (
        {"mended-block": changed(_MENDED, ("nn.ReLU()", "nn.Identity()"))},
        {"test-mended-block"},
    ),
    "validation-mean-of-means": (
        {"validation-loss": changed(_VALIDATION, ('y, reduction="sum").item()', "y).item()"), ("len(y)", "1"))},
        {"test-validation-loss"},
    ),
    "validation-leaves-evaluation-mode": (
        {"validation-loss": changed(_VALIDATION, ("    net.train(training)\n", ""))},
        {"test-validation-loss"},
    ),
    "validation-ends-in-training-mode": (
        {"validation-loss": changed(_VALIDATION, ("net.train(training)", "net.train()"))},
        {"test-validation-loss"},
    ),
    "validation-builds-graphs": (
        {"validation-loss": changed(_VALIDATION, ("torch.no_grad()", "torch.enable_grad()"))},
        {"test-validation-loss"},
    ),
    "validation-in-training-mode": (
        {"validation-loss": changed(_VALIDATION, ("    net.eval()\n", ""))},
        {"test-validation-loss"},
    ),
}  # fmt: skip

#: test cell with a hidden block → a variant that its visible part lets through and the hidden part catches
CAUGHT = {
    "test-channel-plan": "plan-rounds-to-nearest",
    "test-for-concatenation": "concatenation-interleaved",
    "test-bottleneck-block": "block-second-relu-missing",
    "test-transition": "transition-averages-before-relu",
    "test-kept-bytes": "bytes-grow-in-a-line",
    "test-recompute": "recompute-ignores-incoming-gradient",
    "test-recompute-once": "recompute-moves-statistics-twice",
    "test-frugal-block": "frugal-cuts-the-features-off",
    "test-state-bytes": "state-mixed-buffers-in-two-bytes",
    "test-largest-batch": "batch-of-none",
    "test-accumulate": "accumulate-mean-of-means",
    "test-mended-block": "mended-without-relu",
    "test-mended-shared": "mended-in-place-stays",
    "test-validation-loss": "validation-mean-of-means",
}
