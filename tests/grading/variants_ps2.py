"""Wrong solutions of problem set 2, and the marks each must get."""

SET = "ps2-batch-norm"

MOMENTS = """
def moments(X):
    axes = [axis for axis in range(X.dim()) if axis != 1]
    return X.mean(axes), X.var(axes, unbiased=False)
"""

RUNNING = """
def updated_running(running_mean, running_var, X, momentum=0.1):
    mean, var = moments(X.detach())
    count = X.numel() // X.shape[1]
    unbiased = var * count / (count - 1)
    return (1 - momentum) * running_mean + momentum * mean, (1 - momentum) * running_var + momentum * unbiased
"""

LAYER = """
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
            if X.numel() == X.shape[1]:
                raise ValueError("one value per channel")
            mean, var = moments(X)
            new_mean, new_var = updated_running(self.running_mean, self.running_var, X, self.momentum)
            self.running_mean.copy_(new_mean)
            self.running_var.copy_(new_var)
            self.num_batches_tracked += 1
        else:
            mean, var = self.running_mean, self.running_var
        gamma = torch.ones_like(mean) if self.weight is None else self.weight
        beta = torch.zeros_like(mean) if self.bias is None else self.bias
        a, b = as_affine(mean, var, gamma, beta, self.eps)
        shape = [-1 if axis == 1 else 1 for axis in range(X.dim())]
        return a.reshape(shape) * X + b.reshape(shape)
"""

BACKWARD = """
def batch_norm_backward(dY, X_hat, inv_std, gamma, training=True):
    axes = [axis for axis in range(dY.dim()) if axis != 1]
    shape = [-1 if axis == 1 else 1 for axis in range(dY.dim())]
    dbeta, dgamma = dY.sum(axes), (dY * X_hat).sum(axes)
    through = dY
    if training:
        count = dY.numel() // dY.shape[1]
        through = dY - (dbeta / count).reshape(shape) - X_hat * (dgamma / count).reshape(shape)
    return (gamma * inv_std).reshape(shape) * through, dgamma, dbeta
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


def changed(source: str, *changes: tuple[str, str]) -> str:
    """``source`` with each old text, which must be there, replaced by the new."""
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    return source


#: name → (replaced solution cells, test cells that must get 0; all others full)
VARIANTS = {
    "moments-of-squares": (
        {"moments": changed(MOMENTS, ("X.var(axes, unbiased=False)", "(X**2).mean(axes) - X.mean(axes) ** 2"))},
        {"test-moments"},
    ),
    "moments-unbiased": (
        {"moments": changed(MOMENTS, (", unbiased=False", ""))},
        {"test-moments", "test-updated-running", "test-training", "test-prediction"},
    ),
    "moments-four-axes": (
        {
            "moments": changed(
                MOMENTS, ("[axis for axis in range(X.dim()) if axis != 1]", "(0, 2, 3) if X.dim() == 4 else 0")
            )
        },
        {"test-moments", "test-updated-running"},
    ),
    "moments-channels-mixed": (
        {
            "moments": """
def moments(X):
    values = X.reshape(-1, X.shape[1])
    return values.mean(0), values.var(0, unbiased=False)
"""
        },
        {"test-moments", "test-updated-running", "test-training", "test-prediction"},
    ),
    "affine-shift-unscaled": (
        {
            "as-affine": """
def as_affine(mean, var, gamma, beta, eps=1e-5):
    std = torch.sqrt(var + eps)
    return gamma / std, beta - mean / std
"""
        },
        {"test-as-affine", "test-training", "test-prediction", "test-fold"},
    ),
    "affine-eps-outside": (
        {
            "as-affine": """
def as_affine(mean, var, gamma, beta, eps=1e-5):
    a = gamma / (torch.sqrt(var) + eps)
    return a, beta - mean * a
"""
        },
        {"test-as-affine", "test-training", "test-fold"},
    ),
    "merge-unweighted": (
        {
            "merge": """
def merge(n_a, mean_a, var_a, n_b, mean_b, var_b):
    mean = (mean_a + mean_b) / 2
    return mean, (var_a + var_b) / 2 + ((mean_a - mean) ** 2 + (mean_b - mean) ** 2) / 2
"""
        },
        {"test-merge"},
    ),
    "merge-averages": (
        {
            "merge": """
def merge(n_a, mean_a, var_a, n_b, mean_b, var_b):
    n = n_a + n_b
    return (n_a * mean_a + n_b * mean_b) / n, (n_a * var_a + n_b * var_b) / n
"""
        },
        {"test-merge"},
    ),
    "inventory-four-axes": (
        {"inventory": "def inventory(shape):\n    N, C, H, W = shape\n    return N * H * W, 2 * C, 2 * C + 1\n"},
        {"test-inventory"},
    ),
    "inventory-no-counter": (
        {"inventory": "def inventory(shape):\n    C = shape[1]\n    return math.prod(shape) // C, 2 * C, 2 * C\n"},
        {"test-inventory"},
    ),
    "running-with-graph": (
        {"updated-running": changed(RUNNING, ("moments(X.detach())", "moments(X)"))},
        {"test-updated-running"},
    ),
    "running-in-place": (
        {
            "updated-running": changed(
                RUNNING,
                (
                    "return (1 - momentum) * running_mean + momentum * mean, "
                    "(1 - momentum) * running_var + momentum * unbiased",
                    "running_mean.lerp_(mean, momentum)\n    running_var.lerp_(unbiased, momentum)\n"
                    "    return running_mean, running_var",
                ),
            )
        },
        {"test-updated-running"},
    ),
    "running-biased": (
        {"updated-running": changed(RUNNING, ("var * count / (count - 1)", "var"))},
        {"test-updated-running", "test-training", "test-prediction"},
    ),
    "running-other-convention": (
        {
            "updated-running": changed(
                RUNNING,
                ("(1 - momentum)", "keep"),
                ("momentum * ", "(1 - keep) * "),
                ("    count =", "    keep = momentum\n    count ="),
            )
        },
        {"test-updated-running", "test-training", "test-prediction"},
    ),
    "layer-statistics-constant": (
        {"batch-norm": changed(LAYER, ("moments(X)", "moments(X.detach())"))},
        {"test-training"},
    ),
    "layer-no-error": (
        {"batch-norm": changed(LAYER, ("if X.numel() == X.shape[1]:", "if X.numel() == 0:"))},
        {"test-training"},
    ),
    "layer-counts-refused-batch": (
        {
            "batch-norm": changed(
                LAYER,
                ("            self.num_batches_tracked += 1\n", ""),
                (
                    "        if self.training:\n",
                    "        if self.training:\n            self.num_batches_tracked += 1\n",
                ),
            )
        },
        {"test-training"},
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
        {"test-training", "test-prediction"},
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
            new_mean, new_var = updated_running(self.running_mean, self.running_var, X, self.momentum)
            self.running_mean.copy_(new_mean)
            self.running_var.copy_(new_var)
""",
                ),
            )
        },
        {"test-prediction"},
    ),
    "layer-does-not-count": (
        {"batch-norm": changed(LAYER, ("            self.num_batches_tracked += 1\n", ""))},
        {"test-prediction"},
    ),
    "idle-through-relu": ({"idle": "idle = 8 + 12 + 16 + 24\n"}, {"test-idle"}),
    "backward-images-only": (
        {"backward": changed(BACKWARD, ("dY.numel() // dY.shape[1]", "len(dY)"))},
        {"test-backward"},
    ),
    "backward-always-training": (
        {"backward": changed(BACKWARD, ("if training:", "if True:"))},
        {"test-backward"},
    ),
    "fold-needs-bias": (
        {
            "fold": """
def fold(weight, bias, state, eps=1e-5):
    a, b = as_affine(state["running_mean"], state["running_var"], state["weight"], state["bias"], eps)
    return weight * a.reshape(-1, *[1] * (weight.dim() - 1)), a * bias + b
"""
        },
        {"test-fold"},
    ),
    "fold-convolutions-only": (
        {
            "fold": """
def fold(weight, bias, state, eps=1e-5):
    a, b = as_affine(state["running_mean"], state["running_var"], state["weight"], state["bias"], eps)
    return weight * a.reshape(-1, 1, 1, 1), b if bias is None else a * bias + b
"""
        },
        {"test-fold"},
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
        {"test-repaired-accuracy"},
    ),
    "repaired-momentum-kept": (
        {"repaired-net": changed(REPAIRED, ("momentum=0.1", "momentum=0.9"))},
        {"test-repaired-prediction"},
    ),
    "repaired-list-kept": (
        {"repaired-net": changed(REPAIRED, (NORMS, LISTED))},
        {"test-repaired-accuracy", "test-repaired-prediction"},
    ),
    "repaired-list-follows-mode": (
        {"repaired-net": changed(REPAIRED, (NORMS, LISTED)) + TRAIN},
        {"test-repaired-prediction"},
    ),
}

#: test cell with a hidden block → a variant that its visible part lets through and the hidden part catches
CAUGHT = {
    "test-moments": "moments-of-squares",
    "test-as-affine": "affine-shift-unscaled",
    "test-merge": "merge-unweighted",
    "test-inventory": "inventory-four-axes",
    "test-updated-running": "running-with-graph",
    "test-training": "layer-statistics-constant",
    "test-prediction": "layer-diary-in-prediction",
    "test-backward": "backward-images-only",
    "test-fold": "fold-needs-bias",
    "test-wrong-places": "places-one-ring",
    "test-group-norm": "group-norm-strided",
    "test-repaired-accuracy": "repaired-logits-normalized",
    "test-repaired-prediction": "repaired-momentum-kept",
}
