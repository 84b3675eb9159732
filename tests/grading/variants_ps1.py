"""Wrong solutions of problem set 1, and the marks each must get."""

SET = "ps1-training-loop"


def _loop(start="net.train()", clear="net.zero_grad()", total="loss.item() * len(y)", count="images", each_epoch=""):
    return f"""
def train(net, data, epochs, lr, momentum=0.9):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum)
    history = []
    {start}
    for _ in range(epochs):
        total = images = batches = 0
        {each_epoch}
        for X, y in data:
            loss = F.cross_entropy(net(X), y)
            {clear}
            loss.backward()
            optimizer.step()
            total += {total}
            images += len(y)
            batches += 1
        history.append(total / {count})
    return history
"""


def _cured(
    order="order.split(batch_size)",
    X="images[chosen]",
    out="net(X)",
    y="labels[chosen]",
    clear="optimizer.zero_grad()",
    anew="",
    draw="torch.randperm(len(images))",
    first="",
):
    return f"""
def cured(net, images, labels, epochs, lr, batch_size=64):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    net.train()
    {first}
    for _ in range(epochs):
        {anew}
        order = {draw}
        for chosen in {order}:
            X, y = {X}, {y}
            loss = F.cross_entropy({out}, y)
            {clear}
            loss.backward()
            optimizer.step()
"""


def _measure(loss="loss / images", hits="hits / images", before="net.eval()", after=""):
    return f"""
def measure(net, data):
    was_training = net.training
    {before}
    loss = hits = images = batches = mean_loss = share = 0
    with torch.no_grad():
        for X, y in data:
            logits = net(X)
            mean = F.cross_entropy(logits, y).item()
            right = (logits.argmax(dim=1) == y).sum().item()
            loss, hits, images = loss + mean * len(y), hits + right, images + len(y)
            batches, mean_loss, share = batches + 1, mean_loss + mean, share + right / len(y)
    {after or "net.train(was_training)"}
    return {loss}, {hits}
"""


def _until(keep="copy.deepcopy(net.state_dict())", end="net.load_state_dict(best)", late=""):
    return f"""
def train_until(net, data, val, lr, patience, max_epochs):
    history, best, lowest, waited = [], None, math.inf, 0
    for _ in range(max_epochs):
        one_epoch(net, data, lr)
        history.append(loss_on(net, val))
        waited += 1
        if history[-1] < lowest:
            lowest, best, waited = history[-1], {keep}, 0
        if waited {late or ">="} patience:
            break
    {end}
    return history
"""


#: name → (replaced solution cells, test cells that must get 0; all others full)
VARIANTS = {
    "loss-as-typed": (
        {
            "cross-entropy": """
def cross_entropy(logits, labels):
    p = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    return -p[torch.arange(len(labels)), labels].log().mean()
"""
        },
        {"test-cross-entropy"},
    ),
    "loss-clamped-probabilities": (
        {
            "cross-entropy": """
def cross_entropy(logits, labels):
    p = logits.softmax(dim=1).clamp(min=1e-12)
    return -p[torch.arange(len(labels)), labels].log().mean()
"""
        },
        {"test-cross-entropy"},
    ),
    "loss-one-shift-for-all-images": (
        {
            "cross-entropy": """
def cross_entropy(logits, labels):
    shifted = logits - logits.max()
    return (shifted.exp().sum(dim=1).log() - shifted[torch.arange(len(labels)), labels]).mean()
"""
        },
        {"test-cross-entropy"},
    ),
    "loss-summed": (
        {
            "cross-entropy": """
def cross_entropy(logits, labels):
    shifted = logits - logits.max(dim=1, keepdim=True).values
    return (shifted.exp().sum(dim=1).log() - shifted[torch.arange(len(labels)), labels]).sum()
"""
        },
        {"test-cross-entropy"},
    ),
    "loss-without-gradient": (
        {
            "cross-entropy": """
def cross_entropy(logits, labels):
    rows = [[o - max(row) for o in row] for row in logits.tolist()]
    losses = [math.log(sum(map(math.exp, row))) - row[y] for row, y in zip(rows, labels.tolist())]
    return torch.tensor(sum(losses) / len(losses), dtype=logits.dtype)
"""
        },
        {"test-cross-entropy"},
    ),
    "loss-shifts-the-logits-in-place": (
        {
            "cross-entropy": """
def cross_entropy(logits, labels):
    with torch.no_grad():
        logits -= logits.max(dim=1, keepdim=True).values
    return (logits.exp().sum(dim=1).log() - logits[torch.arange(len(labels)), labels]).mean()
"""
        },
        {"test-cross-entropy"},
    ),
    "gradient-of-the-sum": (
        {
            "cross-entropy-gradient": """
def cross_entropy_gradient(logits, labels):
    return logits.softmax(dim=1) - F.one_hot(labels, logits.shape[1])
"""
        },
        {"test-cross-entropy-gradient"},
    ),
    "gradient-overflows": (
        {
            "cross-entropy-gradient": """
def cross_entropy_gradient(logits, labels):
    p = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    return (p - F.one_hot(labels, logits.shape[1])) / len(labels)
"""
        },
        {"test-cross-entropy-gradient"},
    ),
    "step-decay-apart-from-the-velocity": (
        {
            "sgd-step": """
@torch.no_grad()
def sgd_step(params, grads, velocities, lr, momentum=0.0, weight_decay=0.0):
    for p, g, v in zip(params, grads, velocities):
        if g is not None:
            v.mul_(momentum).add_(g)
            p.sub_(lr * (v + weight_decay * p))
"""
        },
        {"test-sgd-step"},
    ),
    "step-changes-the-gradients": (
        {
            "sgd-step": """
@torch.no_grad()
def sgd_step(params, grads, velocities, lr, momentum=0.0, weight_decay=0.0):
    for p, g, v in zip(params, grads, velocities):
        if g is not None:
            g += weight_decay * p
            v.mul_(momentum).add_(g)
            p.sub_(lr * v)
"""
        },
        {"test-sgd-leaves-alone"},
    ),
    "step-none-counts-as-zero": (
        {
            "sgd-step": """
@torch.no_grad()
def sgd_step(params, grads, velocities, lr, momentum=0.0, weight_decay=0.0):
    for p, g, v in zip(params, grads, velocities):
        v.mul_(momentum).add_((torch.zeros_like(p) if g is None else g) + weight_decay * p)
        p.sub_(lr * v)
"""
        },
        {"test-sgd-leaves-alone"},
    ),
    "step-new-tensors": (
        {
            "sgd-step": """
@torch.no_grad()
def sgd_step(params, grads, velocities, lr, momentum=0.0, weight_decay=0.0):
    for p, g, v in zip(params, grads, velocities):
        if g is not None:
            v = momentum * v + g + weight_decay * p
            p = p - lr * v
"""
        },
        {"test-sgd-step", "test-sgd-leaves-alone"},
    ),
    "measure-mean-of-batch-means": (
        {"measure": _measure(loss="mean_loss / batches", hits="share / batches")},
        {"test-measure"},
    ),
    "measure-only-accuracy-exact": ({"measure": _measure(loss="mean_loss / batches")}, {"test-measure"}),
    "measure-gives-tensors": (
        {
            "measure": _measure()
            + """
of_numbers = measure
def measure(net, data):
    return tuple(torch.tensor(number) for number in of_numbers(net, data))
"""
        },
        {"test-measure"},
    ),
    "measure-nothing": (
        {"measure": "def measure(net, data):\n    return 0, 0\n"},
        {"test-measure", "test-measure-mode"},
    ),
    "measure-in-the-mode-it-finds": ({"measure": _measure(before="pass")}, {"test-measure-mode"}),
    "measure-leaves-evaluation-mode": ({"measure": _measure(after="pass")}, {"test-measure-mode"}),
    "measure-leaves-training-mode": ({"measure": _measure(after="net.train()")}, {"test-measure-mode"}),
    "parameters-one-number": (
        {"lenet-parameters": "def lenet_parameters(in_channels, num_classes, size):\n    return 3658\n"},
        {"test-lenet-parameters"},
    ),
    "parameters-quarter-not-rounded": (
        {
            "lenet-parameters": """
def lenet_parameters(in_channels, num_classes, size):
    inputs = int(16 * (size / 4) ** 2)
    return 80 + 72 * (in_channels - 1) + 1168 + (inputs + 1) * 32 + 33 * num_classes
"""
        },
        {"test-lenet-parameters"},
    ),
    "parameters-without-biases": (
        {
            "lenet-parameters": """
def lenet_parameters(in_channels, num_classes, size):
    return 72 * in_channels + 1152 + 16 * (size // 4) ** 2 * 32 + 32 * num_classes
"""
        },
        {"test-lenet-parameters"},
    ),
    "steps-remainder": (
        {
            "steps-and-last": """
def steps_and_last(images, batch_size, epochs):
    return epochs * math.ceil(images / batch_size), images % batch_size
"""
        },
        {"test-steps-and-last"},
    ),
    "steps-always-one-more": (
        {
            "steps-and-last": """
def steps_and_last(images, batch_size, epochs):
    return epochs * (images // batch_size + 1), images % batch_size or batch_size
"""
        },
        {"test-steps-and-last"},
    ),
    "average-of-equal-batches": (
        {
            "moving-average": """
def moving_average(losses, counts, beta):
    average, result = 0.0, []
    for t, loss in enumerate(losses, start=1):
        average = beta * average + (1 - beta) * loss
        result.append(average / (1 - beta**t))
    return result
"""
        },
        {"test-moving-average"},
    ),
    "average-corrected-for-steps-only": (
        {
            "moving-average": """
def moving_average(losses, counts, beta):
    average, result = 0.0, []
    for t, (loss, count) in enumerate(zip(losses, counts), start=1):
        average = beta * average + (1 - beta) * loss * count / max(counts)
        result.append(average / (1 - beta**t))
    return result
"""
        },
        {"test-moving-average"},
    ),
    "average-not-corrected": (
        {
            "moving-average": """
def moving_average(losses, counts, beta):
    average, result = 0.0, []
    for loss in losses:
        average = beta * average + (1 - beta) * loss
        result.append(average)
    return result
"""
        },
        {"test-moving-average"},
    ),
    "loop-cleared-once-an-epoch": (
        {"train": _loop(clear="pass", each_epoch="net.zero_grad()")},
        {"test-train"},
    ),
    "loop-velocity-anew-each-epoch": (
        {"train": _loop(each_epoch="optimizer.state.clear()")},
        {"test-train"},
    ),
    "loop-mean-of-batch-means": ({"train": _loop(total="loss.item()", count="batches")}, {"test-train-says"}),
    "loop-last-loss": ({"train": _loop(total="loss.item() - total", count="1")}, {"test-train-says"}),
    "loop-in-the-mode-it-finds": ({"train": _loop(start="pass")}, {"test-train-says"}),
    "range-for-ten-classes": (
        {
            "squashed-range": """
def squashed_range(num_classes):
    return math.log(math.e + 9) - 1, math.log(1 + 9 * math.e)
"""
        },
        {"test-squashed-range"},
    ),
    "range-of-logits": (
        {"squashed-range": "def squashed_range(num_classes):\n    return 0.0, math.log(num_classes)\n"},
        {"test-squashed-range"},
    ),
    "cured-but-squashed": ({"cured": _cured(out="net(X).sigmoid()")}, {"test-cured-learns"}),
    "cured-but-not-cleared": ({"cured": _cured(clear="pass")}, {"test-cured-learns"}),
    "cured-but-labels-in-another-order": (
        {"cured": _cured(y="labels[torch.randperm(len(labels))[: len(chosen)]]")},
        {"test-cured-learns"},
    ),
    "cured-but-optimizer-anew-each-epoch": (
        {"cured": _cured(anew="optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)")},
        {"test-cured-learns"},
    ),
    "cured-but-last-batch-dropped": (
        {"cured": _cured(order="order[: len(order) // batch_size * batch_size].split(batch_size)")},
        {"test-cured-batches"},
    ),
    "cured-but-never-shuffled": ({"cured": _cured(draw="torch.arange(len(images))")}, {"test-cured-batches"}),
    "cured-but-shuffled-once": (
        {"cured": _cured(first="once = torch.randperm(len(images))", draw="once")},
        {"test-cured-batches"},
    ),
    "stop-counts-rises": (
        {
            "stopping-epoch": """
def stopping_epoch(losses, patience):
    best, rises = 1, 0
    for epoch in range(2, len(losses) + 1):
        rises = rises + 1 if losses[epoch - 1] >= losses[epoch - 2] else 0
        if losses[epoch - 1] < losses[best - 1]:
            best = epoch
        if rises >= patience:
            return epoch, best
    return len(losses), best
"""
        },
        {"test-stopping-epoch"},
    ),
    "stop-equal-is-better": (
        {
            "stopping-epoch": """
def stopping_epoch(losses, patience):
    best = 1
    for epoch, loss in enumerate(losses, start=1):
        if loss <= losses[best - 1]:
            best = epoch
        if epoch - best >= patience:
            return epoch, best
    return len(losses), best
"""
        },
        {"test-stopping-epoch"},
    ),
    "stop-sees-the-future": (
        {
            "stopping-epoch": """
def stopping_epoch(losses, patience):
    best = losses.index(min(losses)) + 1
    return min(best + patience, len(losses)), best
"""
        },
        {"test-stopping-epoch"},
    ),
    "until-keeps-the-tensors-themselves": ({"train-until": _until(keep="net.state_dict()")}, {"test-until-best"}),
    "until-keeps-a-shallow-copy": ({"train-until": _until(keep="dict(net.state_dict())")}, {"test-until-best"}),
    "until-hands-back-the-last": ({"train-until": _until(end="pass")}, {"test-until-best"}),
    "until-one-epoch-late": ({"train-until": _until(late=">")}, {"test-until-stops"}),
}

#: test cell with a hidden block → a variant that its visible part lets through and the hidden part catches
CAUGHT = {
    "test-cross-entropy": "loss-one-shift-for-all-images",
    "test-cross-entropy-gradient": "gradient-of-the-sum",
    "test-sgd-step": "step-decay-apart-from-the-velocity",
    "test-sgd-leaves-alone": "step-none-counts-as-zero",
    "test-measure": "measure-mean-of-batch-means",
    "test-measure-mode": "measure-leaves-evaluation-mode",
    "test-lenet-parameters": "parameters-quarter-not-rounded",
    "test-steps-and-last": "steps-remainder",
    "test-moving-average": "average-of-equal-batches",
    "test-train": "loop-velocity-anew-each-epoch",
    "test-train-says": "loop-mean-of-batch-means",
    "test-squashed-range": "range-for-ten-classes",
    "test-cured-learns": "cured-but-optimizer-anew-each-epoch",
    "test-cured-batches": "cured-but-last-batch-dropped",
    "test-stopping-epoch": "stop-counts-rises",
    "test-until-stops": "until-one-epoch-late",
    "test-until-best": "until-keeps-the-tensors-themselves",
}
