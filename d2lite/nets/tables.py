"""The tables beside this module: networks with their recipes, what others published, and what was measured here."""

import csv
import math
from collections.abc import Callable
from importlib import resources

#: how the columns are read; those not named here are text
_COLUMNS: dict[Callable, str] = {
    int: "year size input_px images batch_size epochs seed channels parameters macs quick_images quick_epochs",
    float: "lr momentum weight_decay label_smoothing train_acc val_acc test_acc train_loss test_loss train_seconds "
    "images_per_second memory_mb",
    "yes".__eq__: "mainline augment",
}
_READ = {column: read for read, columns in _COLUMNS.items() for column in columns.split()}


def table(name: str = "measured.csv") -> list[dict]:
    """The rows of a table: numbers as numbers, NaN where one is missing (the seconds of a run on a busy machine, say).

    * ``"networks.csv"``: what each network is called, where it is met, when its idea was made public (of the linear
      classifier, Cox's multinomial regression), whether it is on the main line, and its own recipe.
    * ``"kinds.csv"``: what each kind of recipe replaces in a network's own, besides what the kind it comes ``after``
      replaces, and the ``source``.
    * ``"published.csv"``: what earlier courses printed.
    * ``"measured.csv"``: one row for each network, recipe, data set and seed that was trained. Accuracies are
      fractions, losses nats; ``images`` are those trained on, ``train_seconds`` the whole run without validation.
    * ``"costs.csv"``: one row for each network: training ``images_per_second``, and ``memory_mb``, what a
      training step in float32 holds.
    * ``"rates.csv"``: validation accuracy by learning rate, after the few epochs of a search; ``"ties.csv"``: after all
      epochs, for rates that the search hardly told apart, from one seed or three.
    """
    text = resources.files("d2lite.nets").joinpath(name).read_text(encoding="utf-8")
    return [
        {key: _READ.get(key, str)(cell) if cell or key not in _READ else math.nan for key, cell in row.items()}
        for row in csv.DictReader(text.splitlines())
    ]
