"""Wrong solutions of problem set 4, and the marks each must get."""

SET = "ps4-inception-and-residual"


def changed(source: str, *swaps: tuple[str, str]) -> str:
    """A right solution with one mistake put in."""
    for right, wrong in swaps:
        assert source.count(right) == 1, (right, source)
        source = source.replace(right, wrong)
    return source


PARALLEL = """
class Parallel(nn.Module):
    def __init__(self, in_channels, branches):
        super().__init__()
        self.branches, self.out_channels = nn.ModuleList(), 0
        for steps in branches:
            layers, channels = [], in_channels
            for step in steps:
                if step == "max":
                    layers.append(nn.MaxPool2d(3, stride=1, padding=1))
                else:
                    kernel = step[:2]
                    layers.append(nn.Conv2d(channels, step[2], kernel, padding=(kernel[0] // 2, kernel[1] // 2)))
                    layers.append(nn.ReLU())
                    channels = step[2]
            self.branches.append(nn.Sequential(*layers))
            self.out_channels += channels

    def forward(self, X):
        return torch.cat([branch(X) for branch in self.branches], dim=1)
"""

BRANCH_MACS = """
def branch_macs(in_channels, steps, height, width):
    macs = 0
    for step in steps:
        if step == "max":
            continue
        a, b, out = step
        macs += a * b * in_channels * out * height * width
        in_channels = out
    return macs
"""

MERGE = """
def merge(first, second):
    height, width = second.shape[-2:]
    kernel = second.flip(-2, -1)
    return F.conv2d(first.transpose(0, 1), kernel, padding=(height - 1, width - 1)).transpose(0, 1)
"""

BOTTLENECK = """
class Bottleneck(nn.Module):
    def __init__(self, in_channels, width, out_channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 1)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1)
        self.conv3 = nn.Conv2d(width, out_channels, 1)
        self.alpha = nn.Parameter(torch.tensor(0.0))
        same = stride == 1 and in_channels == out_channels
        self.project = None if same else nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.pool = nn.AvgPool2d(2, ceil_mode=True) if stride == 2 else nn.Identity()

    def forward(self, X):
        body = self.conv1(F.relu(X))
        body = self.conv3(F.relu(self.conv2(F.relu(body))))
        shortcut = X if self.project is None else self.project(self.pool(X))
        return shortcut + self.alpha * body
"""

GRADIENT_RATIO = """
def gradient_ratio(net, X, C):
    X = X.detach().clone().requires_grad_()
    (net(X) * C).sum().backward()
    return float(X.grad.norm() / C.norm())
"""

RANDOM_DEPTH = """
class RandomDepth(nn.Module):
    def __init__(self, body, p):
        super().__init__()
        self.body, self.p = body, p

    def forward(self, X):
        out = self.body(X)
        if not self.training:
            return X + (1 - self.p) * out
        there = torch.rand(X.shape[0], 1, 1, 1) > self.p
        return X + there * out
"""

BLOCK = """
class Block(nn.Module):
    def __init__(self, in_channels, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.shortcut = nn.Conv2d(in_channels, channels, 1, bias=False) if in_channels != channels else None

    def forward(self, X):
        body = self.conv1(F.relu(X))
        body = self.conv2(F.relu(body))
        return body + X if self.shortcut is None else body + self.shortcut(X)
"""

NET = """
class ResidualNet(nn.Module):
    def __init__(self, width=8, depth=5):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        blocks = [Block(width, width) for _ in range(depth)]
        blocks += [Block(width, 2 * width)]
        blocks += [Block(2 * width, 2 * width) for _ in range(depth - 1)]
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Linear(2 * width * 4, 10)

    def forward(self, X):
        X = self.stem(X)
        for block in self.blocks:
            X = block(X)
        return self.head(F.adaptive_avg_pool2d(F.relu(X), 2).flatten(1))
"""

TEN_VIEWS = """
def ten_views(images, size):
    down, right = images.shape[-2] - size, images.shape[-1] - size
    places = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
    views = [images[..., y : y + size, x : x + size] for y, x in places]
    return torch.stack(views + [view.flip(-1) for view in views])
"""

#: name → (replaced solution cells, test cells that must get 0; all others full)
VARIANTS = {
    "right-but-written-otherwise": (
        {
            "parallel": PARALLEL,
            "branch-macs": BRANCH_MACS,
            "merge": MERGE,
            "bottleneck": BOTTLENECK,
            "gradient-ratio": GRADIENT_RATIO,
            "random-depth": RANDOM_DEPTH,
            "repaired-block": BLOCK,
            "repaired-net": NET,
        },
        set(),
    ),
    "one-padding-for-both-sides": (
        {"parallel": changed(PARALLEL, ("padding=(kernel[0] // 2, kernel[1] // 2)", "padding=kernel[1] // 2"))},
        {"test-parallel-values"},
    ),
    "pooling-brings-no-channels": (
        {"parallel": changed(PARALLEL, ("+= channels", '+= sum(step[2] for step in steps[-1:] if step != "max")'))},
        {"test-parallel-shapes"},
    ),
    "relu-only-at-the-end-of-a-branch": (
        {
            "parallel": changed(
                PARALLEL,
                ("layers.append(nn.ReLU())", "layers.append(nn.ReLU() if step is steps[-1] else nn.Identity())"),
            )
        },
        {"test-parallel-values"},
    ),
    "average-for-maximum": (
        {"parallel": changed(PARALLEL, ("nn.MaxPool2d(3, stride=1, padding=1)", "nn.AvgPool2d(3, 1, 1)"))},
        {"test-parallel-values"},
    ),
    "square-kernels": ({"branch-macs": changed(BRANCH_MACS, ("a * b *", "a * a *"))}, {"test-branch-macs"}),
    "first-input-for-each-step": (
        {"branch-macs": changed(BRANCH_MACS, ("        in_channels = out\n", ""))},
        {"test-branch-macs"},
    ),
    "two-3x3-are-18-for-25": (
        {"predict-units": "units = (25, 6.5, 18 / 25 * 6.5, 18 / 25 * 6.5)"},
        {"test-predict-units"},
    ),
    "not-turned": ({"merge": changed(MERGE, ("second.flip(-2, -1)", "second"))}, {"test-merge"}),
    "one-padding-in-merge": (
        {"merge": changed(MERGE, ("padding=(height - 1, width - 1)", "padding=height - 1"))},
        {"test-merge"},
    ),
    "merged-in-a-loop-in-float32": (  # right
        {
            "merge": """
def merge(first, second):
    (middle, inner, h1, w1), (out, _, h2, w2) = first.shape, second.shape
    merged = torch.zeros(out, inner, h1 + h2 - 1, w1 + w2 - 1)
    for row in range(h2):
        for column in range(w2):
            merged[:, :, row : row + h1, column : column + w1] += torch.einsum(
                "om,mihw->oihw", second[:, :, row, column], first
            )
    return merged
"""
        },
        set(),
    ),
    "silent-twice": (
        {
            "bottleneck": changed(
                BOTTLENECK,
                (
                    "(width, out_channels, 1)\n",
                    "(width, out_channels, 1)\n        nn.init.zeros_(self.conv3.weight)\n"
                    "        nn.init.zeros_(self.conv3.bias)\n",
                ),
            )
        },
        {"test-bottleneck-start"},
    ),
    "alpha-is-no-parameter": (
        {"bottleneck": changed(BOTTLENECK, ("nn.Parameter(torch.tensor(0.0))", "torch.tensor(0.0)"))},
        {"test-bottleneck-start"},
    ),
    "relu-behind-the-addition": (
        {
            "bottleneck": changed(
                BOTTLENECK, ("return shortcut + self.alpha * body", "return F.relu(shortcut + self.alpha * body)")
            )
        },
        {"test-bottleneck-values"},
    ),
    "pixels-thrown-away": (
        {"bottleneck": changed(BOTTLENECK, ("nn.AvgPool2d(2, ceil_mode=True)", "nn.MaxPool2d(1, stride=2)"))},
        {"test-bottleneck-values"},
    ),
    "pooling-rounds-down": (
        {"bottleneck": changed(BOTTLENECK, ("nn.AvgPool2d(2, ceil_mode=True)", "nn.AvgPool2d(2)"))},
        {"test-bottleneck-values"},
    ),
    "zeros-beyond-the-odd-edge": (
        {
            "bottleneck": changed(
                BOTTLENECK,
                ("nn.AvgPool2d(2, ceil_mode=True)", "nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.AvgPool2d(2))"),
            )
        },
        {"test-bottleneck-values"},
    ),
    "no-first-relu": (
        {"bottleneck": changed(BOTTLENECK, ("self.conv1(F.relu(X))", "self.conv1(X)"))},
        {"test-bottleneck-values"},
    ),
    "shortcut-of-what-was-rectified": (
        {"bottleneck": changed(BOTTLENECK, ("self.conv1(F.relu(X))", "self.conv1(F.relu_(X))"))},
        {"test-bottleneck-values"},
    ),
    "sum-of-the-outputs": (
        {"gradient-ratio": changed(GRADIENT_RATIO, ("(net(X) * C).sum()", "net(X).sum()"))},
        {"test-gradient-ratio"},
    ),
    "mean-for-norm": (
        {
            "gradient-ratio": changed(
                GRADIENT_RATIO, ("X.grad.norm() / C.norm()", "X.grad.abs().mean() / C.abs().mean()")
            )
        },
        {"test-gradient-ratio"},
    ),
    "gradients-pile-up": (
        {"gradient-ratio": changed(GRADIENT_RATIO, ("X = X.detach().clone().requires_grad_()", "X.requires_grad_()"))},
        {"test-gradient-ratio"},
    ),
    "input-asks-for-gradients-but-nothing-piles-up": (  # right
        {
            "gradient-ratio": changed(
                GRADIENT_RATIO,
                ("X = X.detach().clone().requires_grad_()", "X.requires_grad_()"),
                ("    (net(X) * C).sum().backward()\n", "    grad = torch.autograd.grad((net(X) * C).sum(), X)[0]\n"),
                ("X.grad.norm()", "grad.norm()"),
            )
        },
        set(),
    ),
    "shortcut-around-the-line": (
        {"predict-ratios": "ratios = (0.5**20, 1 + 0.5**20, 1 + 0.05**20)"},
        {"test-predict-ratios"},
    ),
    "one-coin-for-the-batch": (
        {"random-depth": changed(RANDOM_DEPTH, ("torch.rand(X.shape[0], 1, 1, 1)", "torch.rand(1, 1, 1, 1)"))},
        {"test-random-depth"},
    ),
    "kept-with-probability-p": (
        {"random-depth": changed(RANDOM_DEPTH, ("(1 - self.p) * out", "self.p * out"), ("> self.p", "< self.p"))},
        {"test-random-depth"},
    ),
    "evaluated-as-inverted-dropout": (
        {
            "random-depth": changed(
                RANDOM_DEPTH, ("(1 - self.p) * out", "out"), ("there * out", "there * out / (1 - self.p)")
            )
        },
        {"test-random-depth"},
    ),
    "each-number-tosses": (
        {"random-depth": changed(RANDOM_DEPTH, ("torch.rand(X.shape[0], 1, 1, 1)", "torch.rand_like(X)"))},
        {"test-random-depth"},
    ),
    "counts-what-is-written": ({"predict-trained": "trained_parameters = 28_618"}, {"test-predict-trained"}),
    "still-in-place": (
        {"repaired-block": changed(BLOCK, ("self.conv1(F.relu(X))", "self.conv1(F.relu_(X))"))},
        {"test-repaired-block"},
    ),
    "in-place-behind-the-shortcut": (
        {
            "repaired-block": changed(
                BLOCK,
                (
                    "body = self.conv1(F.relu(X))",
                    "short = X.clone() if self.shortcut is None else self.shortcut(X)\n"
                    "        body = self.conv1(F.relu_(X))",
                ),
                ("body + X if self.shortcut is None else body + self.shortcut(X)", "body + short"),
            )
        },
        {"test-repaired-block"},
    ),
    "still-overwritten": (
        {
            "repaired-block": changed(
                BLOCK,
                ("body = self.conv1(F.relu(X))", "X = self.conv1(F.relu(X))"),
                ("self.conv2(F.relu(body))", "self.conv2(F.relu(X))"),
                ("body + X if self.shortcut is None else body + self.shortcut(X)", "body + X"),
            )
        },
        {"test-repaired-block"},
    ),
    "no-shortcut-where-shapes-change": (
        {"repaired-block": changed(BLOCK, ("body + self.shortcut(X)", "body"))},
        {"test-repaired-block"},
    ),
    "shortcut-behind-the-relu": (
        {"repaired-block": changed(BLOCK, ("body + self.shortcut(X)", "body + self.shortcut(F.relu(X))"))},
        {"test-repaired-block"},
    ),
    "blocks-in-a-list": (
        {"repaired-net": changed(NET, ("nn.ModuleList(blocks)", "blocks"))},
        {"test-registered"},
    ),
    "views-of-squares": (
        {"ten-views": changed(TEN_VIEWS, ("images.shape[-1] - size", "images.shape[-2] - size"))},
        {"test-ten-views"},
    ),
    "views-middle-rounded-up": (
        {"ten-views": changed(TEN_VIEWS, ("(down // 2, right // 2)", "((down + 1) // 2, (right + 1) // 2)"))},
        {"test-ten-views"},
    ),
    "views-upside-down": (
        {"ten-views": changed(TEN_VIEWS, ("view.flip(-1)", "view.flip(-2)"))},
        {"test-ten-views"},
    ),
    "head-in-a-sequential": (
        {
            "repaired-net": changed(
                NET,
                ("nn.Linear(2 * width * 4, 10)", "nn.Sequential(nn.Flatten(), nn.Linear(2 * width * 4, 10))"),
                ("F.relu(X), 2).flatten(1))", "F.relu(X), 2))"),
            )
        },
        {"test-repaired-net"},
    ),
    "no-relu-before-the-head": (
        {"repaired-net": changed(NET, ("F.adaptive_avg_pool2d(F.relu(X), 2)", "F.adaptive_avg_pool2d(X, 2)"))},
        {"test-repaired-net"},
    ),
}

#: test cell with a hidden block → a variant that its visible part lets through and the hidden part catches
CAUGHT = {
    "test-parallel-shapes": "pooling-brings-no-channels",
    "test-parallel-values": "relu-only-at-the-end-of-a-branch",
    "test-branch-macs": "square-kernels",
    "test-merge": "not-turned",
    "test-bottleneck-start": "silent-twice",
    "test-bottleneck-values": "pooling-rounds-down",
    "test-gradient-ratio": "sum-of-the-outputs",
    "test-random-depth": "one-coin-for-the-batch",
    "test-repaired-block": "no-shortcut-where-shapes-change",
    "test-repaired-net": "no-relu-before-the-head",
    "test-ten-views": "views-of-squares",
}
