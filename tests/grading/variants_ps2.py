"""Wrong solutions of problem set 2, and the marks each must get."""

from pieces import changed

SET = "ps2-batch-norm"

MOMENTS = """
def moments(X):
    axes = [axis for axis in range(X.dim()) if axis != 1]
    mean = X.mean(axes, keepdim=True)
    return mean.flatten(), ((X - mean) ** 2).mean(axes)
"""

RUNNING = """\
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * count / (count - 1), self.momentum)
                self.num_batches_tracked += 1
"""

LAYER = f"""
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, X):
        if self.training:
            count = X.numel() // X.shape[1]
            if count == 1:
                raise ValueError("one value per channel")
            mean, var = known_moments(X)
{RUNNING}        else:
            mean, var = self.running_mean, self.running_var
        Y = (X - per_channel(mean, X)) / torch.sqrt(per_channel(var, X) + self.eps)
        return Y if self.weight is None else per_channel(self.weight, X) * Y + per_channel(self.bias, X)
"""

REPAIRED = """
class RepairedNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(
            [nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1), nn.Conv2d(32, 32, 3, padding=1)]
        )
        self.norms = nn.ModuleList([nn.BatchNorm2d(channels, momentum=0.1) for channels in (16, 32, 32)])
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(32, 10)

    def forward(self, X):
        for conv, norm in zip(self.convs, self.norms):
            X = torch.relu(norm(conv(X)))
            if X.shape[2] > 2:
                X = self.pool(X)
        return self.head(X.amax((2, 3)))
"""
NORMS = "nn.ModuleList([nn.BatchNorm2d(channels, momentum=0.1) for channels in (16, 32, 32)])"
LISTED = NORMS.removeprefix("nn.ModuleList(").removesuffix(")")
TRAIN = """
    def train(self, mode=True):
        super().train(mode)
        for norm in self.norms:
            norm.train(mode)
        return self
"""
LAST = "self.head = nn.Linear(32, 10)"
LAST_KEPT = "self.head = nn.Sequential(nn.Linear(32, 10), nn.BatchNorm1d(10, affine=False))"


#: name → (replaced solution cells, test cells that must get 0; all others full)
VARIANTS = {
    "moments-of-squares": (
        {"moments": changed(MOMENTS, ("((X - mean) ** 2).mean(axes)", "(X**2).mean(axes) - X.mean(axes) ** 2"))},
        {"test-moments"},
    ),
    "moments-unbiased": (
        {"moments": changed(MOMENTS, ("((X - mean) ** 2).mean(axes)", "X.var(axes)"))},
        {"test-moments"},
    ),
    "moments-four-axes": (
        {
            "moments": changed(
                MOMENTS, ("[axis for axis in range(X.dim()) if axis != 1]", "(0, 2, 3) if X.dim() == 4 else 0")
            )
        },
        {"test-moments"},
    ),
    "moments-channels-mixed": (
        {
            "moments": """
def moments(X):
    values = X.reshape(-1, X.shape[1])
    return values.mean(0), values.var(0, unbiased=False)
"""
        },
        {"test-moments"},
    ),
    "affine-shift-unscaled": (
        {
            "as-affine": """
def as_affine(mean, var, gamma, beta, eps=1e-5):
    std = torch.sqrt(var + eps)
    return gamma / std, beta - mean / std
"""
        },
        {"test-as-affine"},
    ),
    "affine-eps-outside": (
        {
            "as-affine": """
def as_affine(mean, var, gamma, beta, eps=1e-5):
    a = gamma / (torch.sqrt(var) + eps)
    return a, beta - mean * a
"""
        },
        {"test-as-affine"},
    ),
    "inventory-four-axes": (
        {"inventory": "def inventory(shape):\n    N, C, H, W = shape\n    return N * H * W, 2 * C, 2 * C + 1\n"},
        {"test-inventory"},
    ),
    "inventory-no-counter": (
        {"inventory": "def inventory(shape):\n    C = shape[1]\n    return math.prod(shape) // C, 2 * C, 2 * C\n"},
        {"test-inventory"},
    ),
    "layer-images-only": (
        {"batch-norm": changed(LAYER, ("per_channel(mean, X)", "mean.reshape(1, -1, *[1] * 2)[..., : X.dim() - 2]"))},
        {"test-forward"},
    ),
    "layer-not-scaled": (
        {"batch-norm": changed(LAYER, ("per_channel(self.weight, X) * Y + per_channel(self.bias, X)", "Y"))},
        {"test-gradients"},
    ),
    "layer-shifts-first": (
        {
            "batch-norm": changed(
                LAYER,
                (
                    "per_channel(self.weight, X) * Y + per_channel(self.bias, X)",
                    "per_channel(self.weight, X) * (Y + per_channel(self.bias, X))",
                ),
            )
        },
        {"test-gradients"},
    ),
    "layer-no-counter": (
        {
            "batch-norm": changed(
                LAYER,
                ('        self.register_buffer("num_batches_tracked", torch.tensor(0))\n', ""),
                ("self.num_batches_tracked += 1", "pass"),
            )
        },
        {"test-state"},
    ),
    "layer-eps-fixed": (
        {"batch-norm": changed(LAYER, ("+ self.eps", "+ 1e-5"))},
        {"test-forward"},
    ),
    "layer-statistics-constant": (
        {"batch-norm": changed(LAYER, ("known_moments(X)", "known_moments(X.detach())"))},
        {"test-gradients"},
    ),
    "layer-weights-detached": (
        {"batch-norm": changed(LAYER, ("per_channel(self.weight, X)", "per_channel(self.weight.detach(), X)"))},
        {"test-gradients"},
    ),
    "running-with-graph": (
        {
            "batch-norm": changed(
                LAYER,
                (
                    RUNNING,
                    """\
            self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
            self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var * count / (count - 1)
            self.num_batches_tracked += 1
""",
                ),
            )
        },
        {"test-running"},
    ),
    "running-biased": (
        {"batch-norm": changed(LAYER, ("var * count / (count - 1)", "var"))},
        {"test-running"},
    ),
    "running-other-convention": (
        {"batch-norm": changed(LAYER, (", self.momentum)\n", ", 1 - self.momentum)\n"))},
        {"test-running"},
    ),
    "layer-no-error": (
        {"batch-norm": changed(LAYER, ("if count == 1:", "if count == 0:"))},
        {"test-corners"},
    ),
    "layer-counts-refused-batch": (
        {
            "batch-norm": changed(
                LAYER,
                ("                self.num_batches_tracked += 1\n", ""),
                (
                    "        if self.training:\n",
                    "        if self.training:\n            self.num_batches_tracked += 1\n",
                ),
            )
        },
        {"test-corners"},
    ),
    "layer-plain-attributes": (
        {
            "batch-norm": changed(
                LAYER,
                (
                    'register_buffer("running_mean", torch.zeros(num_features))',
                    "running_mean = torch.zeros(num_features)",
                ),
                ('register_buffer("running_var", torch.ones(num_features))', "running_var = torch.ones(num_features)"),
            )
        },
        {"test-state"},
    ),
    "layer-mode-from-grad": (
        {"batch-norm": changed(LAYER, ("if self.training:", "if torch.is_grad_enabled():"))},
        {"test-prediction"},
    ),
    "layer-diary-in-prediction": (
        {
            "batch-norm": changed(
                LAYER,
                (
                    "            mean, var = self.running_mean, self.running_var\n",
                    """
            mean, var = self.running_mean.clone(), self.running_var.clone()
            self.running_mean.lerp_(known_moments(X)[0], self.momentum)
""",
                ),
            )
        },
        {"test-prediction"},
    ),
    "layer-does-not-count": (
        {"batch-norm": changed(LAYER, ("                self.num_batches_tracked += 1\n", ""))},
        {"test-state"},
    ),
    "idle-through-relu": ({"idle": "idle = 8 + 12 + 16 + 24\n"}, {"test-idle"}),
    "fold-before-linear-only": (
        {
            "fold-before": """
def fold_before(weight, bias, a, b):
    shift = weight.reshape(len(weight), len(b), -1)[:, :, 0] @ b
    return weight * per_channel(a, weight), shift if bias is None else bias + shift
"""
        },
        {"test-fold-before"},
    ),
    "fold-before-needs-bias": (
        {
            "fold-before": """
def fold_before(weight, bias, a, b):
    return weight * per_channel(a, weight), bias + (weight * per_channel(b, weight)).flatten(1).sum(1)
"""
        },
        {"test-fold-before"},
    ),
    "fold-before-scales-outputs": (
        {
            "fold-before": """
def fold_before(weight, bias, a, b):
    shift = (weight * per_channel(b, weight)).flatten(1).sum(1)
    return weight * a.reshape(-1, *[1] * (weight.dim() - 1)), shift if bias is None else bias + shift
"""
        },
        {"test-fold-before"},
    ),
    "places-one-ring": (
        {"wrong-places": "def wrong_places(height, width, k):\n    return 2 * height + 2 * width - 4\n"},
        {"test-wrong-places"},
    ),
    "group-norm-strided": (
        {
            "group-norm": """
def group_norm(X, groups, weight, bias, eps=1e-5):
    members = X.reshape(X.shape[0], X.shape[1] // groups, groups, -1)
    mean, var = members.mean((1, 3), keepdim=True), members.var((1, 3), unbiased=False, keepdim=True)
    shape = [-1 if axis == 1 else 1 for axis in range(X.dim())]
    X_hat = ((members - mean) / torch.sqrt(var + eps)).reshape(X.shape)
    return weight.reshape(shape) * X_hat + bias.reshape(shape)
"""
        },
        {"test-group-norm"},
    ),
    "group-norm-no-scale": (
        {
            "group-norm": """
def group_norm(X, groups, weight, bias, eps=1e-5):
    members = X.reshape(X.shape[0], groups, -1)
    mean, var = members.mean(2, keepdim=True), members.var(2, unbiased=False, keepdim=True)
    return ((members - mean) / torch.sqrt(var + eps)).reshape(X.shape)
"""
        },
        {"test-group-norm"},
    ),
    "repaired-logits-normalized": (
        {"repaired-net": changed(REPAIRED, (LAST, LAST_KEPT))},
        {"test-repaired-sure"},
    ),
    "repaired-momentum-kept": (
        {"repaired-net": changed(REPAIRED, ("momentum=0.1", "momentum=0.9"))},
        {"test-repaired-past"},
    ),
    "repaired-list-kept": (
        {"repaired-net": changed(REPAIRED, (NORMS, LISTED))},
        {"test-repaired-alone"},
    ),
    "repaired-list-follows-mode": (
        {"repaired-net": changed(REPAIRED, (NORMS, LISTED)) + TRAIN},
        {"test-repaired-saved"},
    ),
}

#: test cell with a hidden block → a variant that its visible part lets through and the hidden part catches
CAUGHT = {
    "test-moments": "moments-of-squares",
    "test-as-affine": "affine-shift-unscaled",
    "test-inventory": "inventory-four-axes",
    "test-forward": "layer-eps-fixed",
    "test-gradients": "layer-statistics-constant",
    "test-running": "running-with-graph",
    "test-corners": "layer-counts-refused-batch",
    "test-prediction": "layer-diary-in-prediction",
    "test-state": "layer-does-not-count",
    "test-fold-before": "fold-before-linear-only",
    "test-wrong-places": "places-one-ring",
    "test-group-norm": "group-norm-strided",
    "test-repaired-saved": "repaired-list-follows-mode",
    "test-repaired-sure": "repaired-logits-normalized",
    "test-repaired-past": "repaired-momentum-kept",
}
