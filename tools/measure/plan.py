"""Which runs the book's tables are made of, in order of value: what should be known first comes first."""

import dataclasses
from dataclasses import dataclass

import d2lite as d2l
from d2lite.data.catalog import DATASETS
from d2lite.data.store import find
from d2lite.nets.catalog import LADDER, MAINLINE, SEARCHED, TEN_MINUTES, TIE, tried

#: the columns that say which run a row is of
RUN = ("network", "recipe", "dataset", "input_px", "images", "batch_size", "lr", "epochs", "seed")
SEEDS = (0, 1, 2)
SEARCH_SEED, SEARCH_EPOCHS = 100, 3  # a seed that no stored result has, so that choosing does not favor one
#: two rates so close after runs of the full length are told apart by more seeds: LeNet with BatchNorm ends up to four
#: points apart from seed to seed
LONG_TIE, MORE_SEEDS = 0.0205, (101, 102)
#: networks whose second and third seed come before those of the others: the steps of the story
STORY = ("lenet", "lenet_batch_norm", "alexnet", "vgg11_quarter", "nin", "resnet18", "densenet")
LAST = ("vgg11",)  # takes as long as all the others together
TEN_MINUTES_NETWORK = "resnet8_narrow"  # of those tried, the most accurate on validation images


ONE_OF_EACH = ("network", "recipe", "seed")  # on the main line: a row with another rate takes the old one's place


@dataclass(frozen=True)
class Job:
    """One run: a network trained by one kind of recipe from one seed; ``changes`` are fields of the recipe."""

    group: str
    network: str
    kind: str
    seed: int
    changes: tuple[tuple[str, object], ...] = ()

    @property
    def chooses(self) -> bool:
        """Whether a rate is chosen by the run: then no test image is looked at."""
        return self.group in ("rates", "ties")

    @property
    def recipe(self) -> d2l.Recipe:
        """The recipe of the run."""
        changes = dict(self.changes)
        found = d2l.recipe(self.network, self.kind, changes.pop("dataset", None))
        return dataclasses.replace(found, **changes)

    @property
    def run(self) -> dict:
        """What its row says in the columns ``RUN``."""
        recipe = self.recipe
        dataset = DATASETS[recipe.dataset]
        there = find(dataset) if dataset.layouts else None
        return {
            "network": self.network, "recipe": self.kind,
            "dataset": dataset.label + (there.layout.note if there else ""), "input_px": recipe.size,
            "images": dataset.train_images - dataset.val_images, "batch_size": recipe.batch_size, "lr": recipe.lr,
            "epochs": recipe.epochs, "seed": self.seed,
        }  # fmt: skip

    def __str__(self) -> str:
        recipe = self.recipe
        return f"{self.network}, {self.kind}, {recipe.dataset} at {recipe.size} px, lr {recipe.lr:g}, seed {self.seed}"


def mainline() -> list[Job]:
    """One seed of every network; then VGG-11; then the story's other seeds; then everybody's."""
    first = [*(name for name in MAINLINE if name not in LAST), *LAST]
    order = [(name, SEEDS[0]) for name in first]
    order += [(name, seed) for seed in SEEDS[1:] for name in STORY]
    order += [(name, seed) for seed in SEEDS[1:] for name in first if name not in STORY]
    return [Job("mainline", name, "mainline", seed) for name, seed in order]


def published() -> list[Job]:
    """What earlier courses printed and the main line does not cover, by the book's recipe on the same data."""
    given = [
        ("lenet_batch_norm", {}),
        ("resnet26", {}),
        ("nin", {"dataset": "mnist", "epochs": 2}),
        ("vgg11", {"epochs": 1}),
        ("alexnet", {"dataset": "cifar10", "size": 131, "augment": True, "lr": 1e-3}),
        ("vgg16_unpadded", {"dataset": "cifar10", "epochs": 1}),
    ]
    return [Job("published", name, "book", 0, tuple(changes.items())) for name, changes in given]


def ladder() -> list[Job]:
    """ResNet-8 on every step with two seeds, and the two ends of ResNet-18."""
    steps = [("resnet8", kind) for kind in LADDER] + [("resnet18", LADDER[0]), ("resnet18", LADDER[-1])]
    return [Job("ladder", name, kind, seed) for seed in SEEDS[:2] for name, kind in steps]


def ten_minutes() -> list[Job]:
    """The most that two cores learn in ten minutes, by the network and rate that the search preferred."""
    return [Job("ten_minutes", TEN_MINUTES_NETWORK, "ten_minutes", seed) for seed in SEEDS]


def rates() -> list[Job]:
    """The searches for rates: judged on validation images alone, on the main line in runs of three epochs."""
    networks = [*(name for name in MAINLINE if name not in LAST), *LAST]
    on_line = [search(name, "mainline", rate) for name in networks for rate in SEARCHED["mainline"]]
    return on_line + [search(name, "ten_minutes", rate) for name in TEN_MINUTES for rate in SEARCHED["ten_minutes"]]


def search(network: str, kind: str, rate: float) -> Job:
    """One run of a search."""
    short = (("epochs", SEARCH_EPOCHS),) if kind == "mainline" else ()
    return Job("rates", network, kind, SEARCH_SEED, (("lr", rate), *short))


def further(network: str, kind: str, accuracies: dict[float, float]) -> Job | None:
    """Where the best rate is the lowest or highest tried, the run with the next one; None where it lies inside."""
    tried, best = sorted(accuracies), max(accuracies, key=accuracies.get)
    step = SEARCHED[kind][1] / SEARCHED[kind][0]
    if best == tried[0]:
        return search(network, kind, float(f"{best / step:.1g}"))
    if best == tried[-1]:
        return search(network, kind, float(f"{best * step:.1g}"))
    return None


def ties() -> list[Job]:
    """Where a search of three epochs hardly tells its two best rates apart, both again for the whole ten, from more
    seeds where one does not tell them apart either."""
    jobs = []
    for name in MAINLINE:
        short, longer = tried(name, "mainline"), tried(name, "mainline", "ties.csv")
        if is_tied(short):
            seeds = (SEARCH_SEED, *MORE_SEEDS) if is_tied(longer, LONG_TIE) else (SEARCH_SEED,)
            jobs += [Job("ties", name, "mainline", seed, (("lr", rate),)) for seed in seeds for rate in best_two(short)]
    return jobs


def best_two(accuracies: dict[float, float]) -> list[float]:
    """The two rates with the highest accuracy, best first."""
    return sorted(accuracies, key=accuracies.get, reverse=True)[:2]


def is_tied(accuracies: dict[float, float], within: float = TIE) -> bool:
    """Whether there are two best rates, not further apart than ``within``."""
    best = [accuracies[rate] for rate in best_two(accuracies)]
    return len(best) == 2 and best[0] - best[1] <= within


def replaced(job: Job) -> tuple[str, ...]:
    """The columns in which a row agrees with the one that it replaces."""
    return ONE_OF_EACH if job.group == "mainline" else RUN


GROUPS = {
    "rates": rates, "mainline": mainline, "published": published, "ladder": ladder, "ten_minutes": ten_minutes,
    "ties": ties,
}  # fmt: skip
