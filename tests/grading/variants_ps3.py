"""Wrong solutions of problem set 3, and the marks each must get."""

SET = "ps3-vgg-and-nin"

_REPAIRED = """
class Repaired(nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [], 1
        for number in range(8):
            layers += [nn.Conv2d(channels, 16, kernel_size=3, padding=1), nn.ReLU()]
            channels = 16
            if number == 1:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(16, 10)
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                START
                nn.init.zeros_(layer.bias)

    def forward(self, X):
        return self.classifier(self.features(X).mean(dim=(2, 3)))END
"""


def _repaired(start: str = 'nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")', end: str = "") -> str:
    return _REPAIRED.replace("START", start).replace("END", end)


#: name → (replaced solution cells, test cells that must get 0; all others full)
VARIANTS = {
    "side-checked-at-the-end": (
        {
            "side": """
def side(n, layers):
    for kernel, stride, padding, dilation in layers:
        n = (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    if n < 1:
        raise ValueError("nothing is left")
    return n
"""
        },
        {"test-side-refuses"},
    ),
    "side-truncates-towards-zero": (
        {
            "side": """
def side(n, layers):
    for kernel, stride, padding, dilation in layers:
        n = int((n + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1
        if n < 1:
            raise ValueError("nothing is left")
    return n
"""
        },
        {"test-side-refuses"},
    ),
    "side-rounds-up": (
        {
            "side": """
def side(n, layers):
    for kernel, stride, padding, dilation in layers:
        room = n + 2 * padding - dilation * (kernel - 1) - 1
        if room < 0:
            raise ValueError("the window does not fit")
        n = math.ceil(room / stride) + 1
    return n
"""
        },
        {"test-side"},
    ),
    "padding-shifts-by-pixels": (
        {
            "field": """
def field(layers):
    reach, step, start = 1, 1, 0
    for kernel, stride, padding, dilation in layers:
        reach += dilation * (kernel - 1) * step
        start -= padding
        step *= stride
    return reach, step, start
"""
        },
        {"test-field-start"},
    ),
    "stride-before-reach": (
        {
            "field": """
def field(layers):
    reach, step, start = 1, 1, 0
    for kernel, stride, padding, dilation in layers:
        start -= padding * step
        step *= stride
        reach += dilation * (kernel - 1) * step
    return reach, step, start
"""
        },
        {"test-field"},
    ),
    "field-forgets-earlier-strides": (
        {
            "field": """
def field(layers):
    reach, step, start = 1, 1, 0
    for kernel, stride, padding, dilation in layers:
        reach += dilation * (kernel - 1)
        start -= padding * step
        step *= stride
    return reach, step, start
"""
        },
        {"test-field"},
    ),
    "groups-checked-at-one-end": (
        {
            "conv-cost": """
def conv_cost(in_channels, out_channels, kernel, height, width, groups=1, bias=True):
    if in_channels % groups:
        raise ValueError("groups do not divide the channels")
    weights = out_channels * in_channels // groups * kernel**2
    return weights + bias * out_channels, weights * height * width
"""
        },
        {"test-conv-cost"},
    ),
    "groups-divide-twice": (
        {
            "conv-cost": """
def conv_cost(in_channels, out_channels, kernel, height, width, groups=1, bias=True):
    if in_channels % groups or out_channels % groups:
        raise ValueError("groups do not divide the channels")
    weights = (out_channels // groups) * (in_channels // groups) * kernel**2
    return weights + bias * out_channels, weights * height * width
"""
        },
        {"test-conv-cost"},
    ),
    "depthwise-forgotten": ({"shares": "shares = [1 / 9, 1 / 9, 1 / 25]"}, {"test-shares"}),
    "relu-inside-the-pair": (
        {
            "separable-block": """
def separable_block(num_convs, in_channels, out_channels):
    layers = []
    for _ in range(num_convs):
        layers += [nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False), nn.ReLU()]
        layers += [nn.Conv2d(in_channels, out_channels, 1), nn.ReLU()]
        in_channels = out_channels
    return nn.Sequential(*layers, nn.MaxPool2d(2))
"""
        },
        {"test-separable-block"},
    ),
    "channels-not-updated": (
        {
            "separable-block": """
def separable_block(num_convs, in_channels, out_channels):
    layers = []
    for _ in range(num_convs):
        layers.append(nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False))
        layers += [nn.Conv2d(in_channels, out_channels, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(2))
"""
        },
        {"test-separable-block"},
    ),
    "reshape-without-permute": (
        {
            "pointwise-gradients": """
def pointwise_gradients(X, weight, G):
    x, g = X.reshape(-1, X.shape[1]), G.reshape(-1, G.shape[1])
    return (g @ weight).reshape(X.shape), g.T @ x, G.sum(dim=(0, 2, 3))
"""
        },
        {"test-pointwise-gradients"},
    ),
    "batch-not-summed": (
        {
            "pointwise-gradients": """
def pointwise_gradients(X, weight, G):
    x, g = X.flatten(2), G.flatten(2)
    dX = (weight.T @ g).reshape(X.shape)
    return dX, (g @ x.transpose(1, 2)).mean(dim=0), g.sum(dim=2).mean(dim=0)
"""
        },
        {"test-pointwise-gradients"},
    ),
    "gradients-averaged": (
        {
            "pointwise-gradients": """
def pointwise_gradients(X, weight, G):
    dX = torch.einsum("kc,nkhw->nchw", weight, G)
    places = G.numel() // G.shape[1]
    return dX, torch.einsum("nkhw,nchw->kc", G, X) / places, G.mean(dim=(0, 2, 3))
"""
        },
        {"test-pointwise-gradients"},
    ),
    "square-kernel": (
        {
            "dense-as-conv": """
def dense_as_conv(weight, bias, shape):
    channels, side, _ = shape
    conv = nn.Conv2d(channels, len(bias), side)
    with torch.no_grad():
        conv.weight.copy_(weight.reshape(len(bias), channels, side, side))
        conv.bias.copy_(bias)
    return conv
"""
        },
        {"test-dense-elsewhere"},
    ),
    "height-and-width-swapped": (
        {
            "dense-as-conv": """
def dense_as_conv(weight, bias, shape):
    channels, width, height = shape
    conv = nn.Conv2d(channels, len(bias), (height, width))
    with torch.no_grad():
        conv.weight.copy_(weight.reshape(conv.weight.shape))
        conv.bias.copy_(bias)
    return conv
"""
        },
        {"test-dense-elsewhere"},
    ),
    "weights-by-column": (
        {
            "dense-as-conv": """
def dense_as_conv(weight, bias, shape):
    channels, height, width = shape
    conv = nn.Conv2d(channels, len(bias), (height, width))
    with torch.no_grad():
        conv.weight.copy_(weight.reshape(len(bias), height, width, channels).permute(0, 3, 1, 2))
        conv.bias.copy_(bias)
    return conv
"""
        },
        {"test-dense-as-conv"},
    ),
    "bias-not-copied": (
        {
            "dense-as-conv": """
def dense_as_conv(weight, bias, shape):
    channels, height, width = shape
    conv = nn.Conv2d(channels, len(bias), (height, width))
    with torch.no_grad():
        conv.weight.copy_(weight.reshape(conv.weight.shape))
    return conv
"""
        },
        {"test-dense-as-conv"},
    ),
    "conversion-refused-but-slides": (
        {
            "dense-as-conv": """
def dense_as_conv(weight, bias, shape):
    raise NotImplementedError("not found")
""",
            "sliding": """
def placed(linear, *shape):
    conv = nn.Conv2d(shape[0], linear.out_features, shape[1:])
    conv.load_state_dict({"weight": linear.weight.unflatten(1, shape), "bias": linear.bias})
    return conv
_, hidden, _, last = dense.head
sliding = nn.Sequential(dense.features, placed(hidden, 32, 2, 2), nn.ReLU(), placed(last, 64, 1, 1))
""",
        },
        {"test-dense-as-conv", "test-dense-elsewhere"},
    ),
    "sliding-untrained": (
        {
            "sliding": """
sliding = nn.Sequential(dense.features, nn.Conv2d(32, 64, 2), nn.ReLU(), nn.Conv2d(64, 10, 1))
"""
        },
        {"test-sliding"},
    ),
    "any-size-by-adaptive-pooling": (
        {
            "sliding": """
_, hidden, _, last = dense.head
sliding = nn.Sequential(
    dense.features, nn.AdaptiveMaxPool2d(2),
    dense_as_conv(hidden.weight, hidden.bias, (32, 2, 2)), nn.ReLU(),
    dense_as_conv(last.weight, last.bias, (64, 1, 1)),
)
"""
        },
        {"test-sliding"},
    ),
    "relu-lost-in-conversion": (
        {
            "sliding": """
_, hidden, _, last = dense.head
sliding = nn.Sequential(
    dense.features,
    dense_as_conv(hidden.weight, hidden.bias, (32, 2, 2)),
    dense_as_conv(last.weight, last.bias, (64, 1, 1)),
)
"""
        },
        {"test-sliding"},
    ),
    "factors-up-to-the-relu": ({"factors": "factors = [1 / 3, 0.0144, 2.0]"}, {"test-factors"}),
    "fan-out": (
        {
            "he-normal": """
def he_start(shape, slope=0.0):
    fan_out = shape[0] * math.prod(shape[2:])
    return torch.randn(*shape) * math.sqrt(2 / ((1 + slope**2) * fan_out))
"""
        },
        {"test-he-normal"},
    ),
    "half-of-he": (
        {
            "he-normal": """
def he_start(shape, slope=0.0):
    return torch.randn(*shape) * math.sqrt(1 / ((1 + slope**2) * math.prod(shape[1:])))
"""
        },
        {"test-he-normal"},
    ),
    "slope-not-squared": (
        {
            "he-normal": """
def he_start(shape, slope=0.0):
    return torch.randn(*shape) * math.sqrt(2 / ((1 + slope) * math.prod(shape[1:])))
"""
        },
        {"test-he-normal"},
    ),
    # the ReLU stays: with a good start it may learn, with luck; it can never say no
    "relu-kept-on-the-logits": (
        {"repaired": _repaired(end=".relu()")},
        {"test-repaired-layers"},
    ),
    "start-not-repaired": (
        {"repaired": _repaired(start="nn.init.normal_(layer.weight, std=0.01)")},
        {"test-repaired-start"},
    ),
    # it learns digits after all, but more slowly: eight layers are not many
    "xavier": ({"repaired": _repaired(start="nn.init.xavier_normal_(layer.weight)")}, {"test-repaired-start"}),
    "bias-left-out": (
        {
            "class-map": """
def class_map(maps, weight, bias):
    return torch.einsum("kc,nchw->nkhw", weight, maps)
"""
        },
        {"test-class-map"},
    ),
    "bias-shared-among-places": (
        {
            "class-map": """
def class_map(maps, weight, bias):
    places = maps.shape[2] * maps.shape[3]
    return torch.einsum("kc,nchw->nkhw", weight, maps) + bias[:, None, None] / places
"""
        },
        {"test-class-map"},
    ),
    "class-map-cut-at-zero": (
        {
            "class-map": """
def class_map(maps, weight, bias):
    return (torch.einsum("kc,nchw->nkhw", weight, maps) + bias[:, None, None]).relu()
"""
        },
        {"test-class-map"},
    ),
}

#: test cell with a hidden block → a variant that its visible part lets through and the hidden part catches
CAUGHT = {
    "test-side": "side-rounds-up",
    "test-side-refuses": "side-checked-at-the-end",
    "test-field": "field-forgets-earlier-strides",
    "test-field-start": "padding-shifts-by-pixels",
    "test-conv-cost": "groups-checked-at-one-end",
    "test-separable-block": "relu-inside-the-pair",
    "test-pointwise-gradients": "reshape-without-permute",
    "test-dense-elsewhere": "height-and-width-swapped",
    "test-sliding": "any-size-by-adaptive-pooling",
    "test-he-normal": "fan-out",
    "test-repaired-layers": "relu-kept-on-the-logits",
    "test-repaired-start": "xavier",
    "test-class-map": "bias-left-out",
}
