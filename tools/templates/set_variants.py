"""Wrong solutions of problem set 0, and the marks each must get."""

SET = "ps0-new-name"

#: name → (replaced solution cells, test cells that must get 0; all others full)
VARIANTS = {
    "sides-rounded-up": ({"sides": "sides = [26, 28, 15]"}, {"test-sides"}),
    "pooled-for-two-by-two": (
        {"pooled": "def pooled(maps):\n    return maps.sum(dim=(2, 3)) / 4"},
        {"test-pooled"},
    ),
    "bias-left-out": (
        {"linear": "def linear(X, weight, bias):\n    return X @ weight.T"},
        {"test-linear", "test-predict"},
    ),
    "weight-not-transposed": (
        {"linear": "def linear(X, weight, bias):\n    return X @ weight + bias"},
        {"test-linear"},
    ),
    "softmax-overflows": (
        {"softmax": "def softmax(logits):\n    return logits.exp() / logits.exp().sum(dim=1, keepdim=True)"},
        {"test-softmax"},
    ),
    "softmax-along-the-batch": (
        {"softmax": "def softmax(logits):\n    return logits.softmax(dim=0)"},
        {"test-softmax"},
    ),
    "loss-from-probabilities": (
        {
            "cross-entropy": "def cross_entropy(logits, labels):\n"
            "    return -softmax(logits)[torch.arange(len(labels)), labels].log().mean()"
        },
        {"test-cross-entropy"},
    ),
    "loss-summed": (
        {
            "cross-entropy": "def cross_entropy(logits, labels):\n"
            "    return torch.nn.functional.cross_entropy(logits, labels, reduction='sum')"
        },
        {"test-cross-entropy"},
    ),
    "accuracy-of-four": (
        {"accuracy": "def accuracy(logits, labels):\n    return (logits.argmax(dim=1) == labels).sum().item() / 4"},
        {"test-accuracy"},
    ),
    "predict-without-bias": (
        {"predict": "def predict(maps, weight, bias):\n    return (pooled(maps) @ weight.T).argmax(dim=1)"},
        {"test-predict"},
    ),
}

#: test cell with a hidden block → a variant that its visible part lets through and the hidden part catches
CAUGHT = {
    "test-pooled": "pooled-for-two-by-two",
    "test-linear": "bias-left-out",
    "test-softmax": "softmax-overflows",
    "test-cross-entropy": "loss-from-probabilities",
    "test-accuracy": "accuracy-of-four",
    "test-predict": "predict-without-bias",
}
