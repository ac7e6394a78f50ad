"""The studies behind the published claims, declared as data: configurations × seeds.

Names of configurations and metrics are what the ledger and notebook 10 look up. ``note`` says what was cut to fit the
whole set into an hour on two cores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mnist_lr_helpers.reproduction import measurements, one_vs_rest
from mnist_lr_helpers.reproduction.recipes import S1, Row, drop_pixels, shift_and_turn
from mnist_lr_helpers.reproduction.reports import train_and_report

Configurations = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """A grid of configurations × seeds, and what measures one of them.

    Attributes:
        name: of its table, ``data/results/<name>.csv``.
        configurations: settings by the name in the table; a ``"measure"`` among them takes the place of the study's.
        measure: function of a seed and the settings, as keyword arguments, that returns rows.
        seeds: seeds 0 to ``seeds`` − 1 for each configuration.
        fewer: other numbers of seeds, by configuration.
        alone: times something, so that nothing else may run beside it.
        note: what was cut.
    """

    name: str
    configurations: Configurations
    measure: Callable[..., list[Row]] = train_and_report
    seeds: int = 1
    fewer: Mapping[str, int] = field(default_factory=dict)
    alone: bool = False
    note: str = ""

    @property
    def grid(self) -> list[tuple[str, int]]:
        """Every (configuration, seed), in the order of the table."""
        return [(name, seed) for name in self.configurations for seed in range(self.fewer.get(name, self.seeds))]

    def measuring(self, configuration: str) -> tuple[Callable[..., list[Row]], dict[str, Any]]:
        """The function that measures a configuration, and its settings."""
        settings = dict(self.configurations[configuration])
        return settings.pop("measure", self.measure), settings


S0 = {"batch_size": 64, "learning_rate": 0.01, "momentum": 0.9, "epochs": 10}
S2 = {"batch_size": 200, "learning_rate": 5e-4, "optimizer": "adam"}
S4 = {"batch_size": 512, "learning_rate": 0.001, "momentum": 0.0, "epochs": 50, "keep": 5}


def _s0_recipe() -> Configurations:
    plain = S0 | {"last": ("step_noise",), "momentum": 0.0}
    return {
        "published": S0 | {"last": ("weights", "templates", "logit_sums", "step_noise")},
        "split": S0 | {"whole": False, "each": ("on_test",)},
        "momentum 0": plain,
        "momentum 0 lr 0.1": plain | {"learning_rate": 0.1},
    }


def _scaling() -> Configurations:
    unit = (0.01, 0.03, 0.1, 0.3)
    rates = {"unit": unit, "std": (0.001, 0.003, 0.01, 0.03), "pixel": (0.01,)}
    rates["raw"] = (0.01, 1e-5, *(float(f"{rate / 255**2:.2g}") for rate in unit))
    runs = {
        f"{scaling} lr={rate:g}": S0 | {"scaling": scaling, "learning_rate": rate, "keep": 10}
        for scaling, some in rates.items()
        for rate in some
    }
    first = {f"{s} first gradient": {"scaling": s, "measure": measurements.first_gradient} for s in ("unit", "raw")}
    return runs | first


def _s1_variants() -> Configurations:
    stated = S1 | {"last": ("on_test",), "keep": 10}
    by_digit = stated | {"last": ("on_test", "recalls")}
    to_the_end, constant = stated | {"patience": 0}, stated | {"decay_every": 0}
    found = {
        "unit": stated | {"scaling": "unit"},
        "class weights": by_digit | {"arrangement": "balanced"},
        "deskewed": stated | {"scaling": "deskewed"},
        "augmented": by_digit | {"augment": shift_and_turn},
        "errors up-weighted": by_digit | {"arrangement": "errors"},
        "constant": constant,
        "no early stop": to_the_end,
        "constant no early stop": constant | {"patience": 0},
        "zeros": stated | {"initialisation": "zeros"},
        "torch": stated | {"initialisation": "torch"},
        "normal(0,1)": stated | {"initialisation": "normal(0,1)"},
        "input dropout=0.1": stated | {"augment": drop_pixels},
        "long": constant | {"patience": 0, "epochs": 200, "each": ("on_test",), "last": ()},
    }
    for name, arrangement in (("no shuffle", ""), ("sorted", "sorted")):
        found[name] = S1 | {"arrangement": arrangement, "patience": 0, "measure": measurements.train_in_order}
    for size in (32, 128, 256, 1024):
        found[f"batch={size}"] = stated | {"batch_size": size}
        found[f"batch={size} scaled"] = stated | {"batch_size": size, "learning_rate": 0.01 * size / 64}
    for decay in (1e-5, 1e-4, 1e-3, 1e-2):
        found[f"weight_decay={decay:.0e}".replace("e-0", "e-")] = stated | {"weight_decay": decay}
    for rate in (1e-4, 1e-3, 1e-2, 1e-1, 1.0):
        for momentum in (0.0, 0.9):
            changes = {"learning_rate": rate, "momentum": momentum, "decay_every": 0, "patience": 0, "last": ()}
            found[f"lr={rate:g} momentum={momentum:g}"] = stated | changes
    return found | {"gradient norm": {"epochs": 5, "measure": measurements.gradient_norms}}


def _cost() -> Configurations:
    sizes = {f"linear {side}x{side}": {"side": side} for side in (7, 56)}
    models = {"cnn 4-8": {"channels": [4, 8]}, "cnn 8-16": {"channels": [8, 16]}}
    batches = {f"in memory batch={size}": {"batch_size": size} for size in (16, 32, 64, 128, 1024)}
    feeds = {f"loader workers={workers}": {"workers": workers} for workers in (0, 1, 2, 4)}
    feeds |= {f"loader batch={size}": {"workers": 2, "batch_size": size} for size in (32, 128)}
    feeds = {name: settings | {"measure": measurements.loader} for name, settings in feeds.items()}
    return {"linear": {}} | sizes | models | batches | feeds


def _optimum() -> Configurations:
    starts = {f"l2=1e-4 start={name}": {"l2": 1e-4, "start": name, "images": 10_000} for name in ("zeros", "xavier")}
    starts["l2=1e-4 start=normal"] = {"l2": 1e-4, "start": "normal(0,1)", "images": 10_000}
    return {"l2=1e-5": {"l2": 1e-5}} | starts


def _widths() -> Configurations:
    networks = {"linear": []} | {str(width): [width] for width in (512, 256, 128, 64)}
    networks |= {f"{width}-{width // 2}": [width, width // 2] for width in (512, 256, 128, 64)}
    run = S2 | {"whole": False, "epochs": 50, "each": ("on_test",)}
    found = {name: run | {"hidden": hidden} for name, hidden in networks.items()}
    return found | {"linear std": run | {"scaling": "std"}, "linear long": run | {"epochs": 150, "keep": 10}}


def _penalties() -> Configurations:
    epochs = {"0": 100, "3e-05": 100, "0.0003": 100, "1e-05": 60, "0.001": 30, "0.003": 30}
    run = S2 | {"hidden": [512]}
    found = {name: run | {"epochs": n, "weight_decay": 2 * float(name)} for name, n in epochs.items()}
    found["3e-05"] |= {"each": ("recalls",), "last": ("confusion",)}
    return found | {"3e-05 weight_decay": run | {"epochs": 100, "weight_decay": 3e-5}}


def _linear_penalties() -> Configurations:
    run, known = S2 | {"epochs": 30, "keep": 10}, {"last": ("calibration", "weights")}
    found = {f"penalty lambda={x}": run | known | {"weight_decay": 2 * float(x)} for x in ("0", "0.0001", "0.1")}
    found |= {f"weight_decay lambda={name}": run | {"weight_decay": float(name)} for name in ("0.0001", "0.1")}
    found["zeros lambda=0"] = run | known | {"initialisation": "zeros"}
    std = {name: found[name] | {"scaling": "std", "last": ()} for name in ("penalty lambda=0", "penalty lambda=0.0001")}
    return found | {f"std {name}": settings for name, settings in std.items()}


def _minibatches() -> Configurations:
    grid = {20: (5e-4,), 200: (5e-4, 2e-3), 2_000: (5e-4, 5e-3), 60_000: (5e-4, 1e-2)}
    run = {"hidden": [128], "optimizer": "adam", "keep": 10}
    return {
        f"batch={size} lr={rate:g}": run
        | {"batch_size": size, "learning_rate": rate, "epochs": 100 if size == 60_000 else 15, "last": ("seconds",)}
        for size, rates in grid.items()
        for rate in rates
    }


def _one_vs_rest() -> Configurations:
    lengths = {0.1: (800, 50), 0.5: (300, 10), 1.0: (200, 10)}
    runs = {
        f"lr={rate:g} {kind}": {"learning_rate": rate, "epochs": n, "every": every, "printed": kind == "printed"}
        for kind in ("correct", "printed")
        for rate, (n, every) in lengths.items()
        if kind == "correct" or rate < 1
    }
    ends = {"ovr converged": {"softmax": False}, "softmax converged": {"softmax": True}}
    return runs | {name: settings | {"measure": one_vs_rest.converged} for name, settings in ends.items()}


def _improvements() -> Configurations:
    return {
        "long": S4 | {"epochs": 500, "keep": 50},
        "std lr=0.001": S4 | {"scaling": "std"},
        "momentum": S4 | {"momentum": 0.9},
        "adam lr=0.001": S4 | {"optimizer": "adam"},
        **{f"weight_decay={decay:g}": S4 | {"weight_decay": decay} for decay in (1e-4, 1e-2)},
        **{f"unit lr={rate:g}": S4 | {"learning_rate": rate} for rate in (0.01, 0.1, 0.5)},
        **{f"std lr={rate:g}": S4 | {"learning_rate": rate, "scaling": "std"} for rate in (0.01, 0.05)},
    }


_CNN = {"1": [1], "2": [2], "4": [4], "4-8": [4, 8], "8-16": [8, 16]}
_NOISE = (16, 32, 64, 128, 256, 512, 1024)
_BATCHES = (32, 64, 100, 128, 256, 400, 512, 600, 1000)

STUDIES = {
    study.name: study
    for study in (
        Study(
            name="s2_l2",
            configurations=_penalties(),
            fewer={"0": 2},
            note="One seed, two without penalty; 100 epochs, but 60 for 1e-5 and 30 for 1e-3 and 3e-3.",
        ),
        Study(
            name="s2_widths",
            configurations=_widths(),
            note="54,000 training images, so that 6,000 others can choose the epoch; 50 epochs, not 100; one seed.",
        ),
        Study(
            name="s2_depth",
            configurations={
                "512": S2 | {"hidden": [512], "epochs": 20, "last": ("confusion", "recalls"), "last_at": 15},
                "512-256": S2 | {"hidden": [512, 256], "epochs": 20},
                "512 std": S2 | {"hidden": [512], "epochs": 20, "scaling": "std"},
            },
            seeds=5,
            fewer={"512 std": 1},
            note="Five seeds, as in the document; one on standardised pixels.",
        ),
        Study(
            name="s1_variants",
            configurations=_s1_variants(),
            seeds=5,
            fewer={n: 1 for n in _s1_variants() if n.startswith(("long", "gradient norm", "lr="))}
            | {n: 3 for n in _s1_variants() if n.startswith(("augmented", "errors", "input dropout", "weight_decay"))},
            note="Five seeds; three for augmentation, weighted errors, dropout, decay; one for 200 epochs and for the "
            "grid of learning rates. Without shuffling no early stop.",
        ),
        Study(
            name="s3_ovr",
            configurations=_one_vs_rest(),
            measure=one_vs_rest.one_vs_rest,
            seeds=2,
            fewer={
                "lr=0.1 correct": 1,
                "lr=0.1 printed": 1,
                "lr=1 correct": 3,
                "ovr converged": 1,
                "softmax converged": 1,
            },
            note="Full batches; 800, 300 and 200 steps; one to three splits.",
        ),
        Study(
            name="s4_batch",
            configurations={f"batch={size}": S4 | {"batch_size": size} for size in _BATCHES},
            seeds=2,
            note="Curves kept at epochs 1, 2, 3 and every fifth.",
        ),
        Study(name="s4_improve", configurations=_improvements()),
        Study(
            name="cnn",
            configurations={
                name: S0 | {"channels": channels, "epochs": 4 if name == "8-16" else 10, "last": ("size",)}
                for name, channels in _CNN.items()
            },
            seeds=2,
            fewer={"1": 1, "2": 1},
            note="Two seeds; one for the two smallest networks; the largest for four epochs.",
        ),
        Study(
            name="s2_linear",
            configurations=_linear_penalties(),
            seeds=3,
            fewer={"std penalty lambda=0": 2, "std penalty lambda=0.0001": 2, "weight_decay lambda=0.1": 2},
            note="Three seeds, two for standardised pixels.",
        ),
        Study(
            name="s2_minibatch",
            configurations=_minibatches(),
            note="One seed; the whole set as one batch for 100 steps.",
        ),
        Study(
            name="optimum",
            configurations=_optimum(),
            measure=measurements.optimum,
            fewer={"l2=1e-4 start=xavier": 2, "l2=1e-4 start=normal": 2},
            note="Weak penalties in place of none: only a penalty gives a certificate; starts on 10,000 images.",
        ),
        Study(
            name="scaling",
            configurations=_scaling(),
            seeds=2,
            note="Two seeds.",
        ),
        Study(
            name="s1_recipe",
            configurations={
                "published": S1
                | {
                    "each": ("on_test",),
                    "last": ("best", "classes", "confusion", "calibration", "certainty", "quality"),
                },
                "same seed twice": S1 | {"measure": measurements.train_twice},
            },
            seeds=10,
            fewer={"same seed twice": 1},
        ),
        Study(
            name="s0_recipe",
            configurations=_s0_recipe(),
            seeds=5,
            fewer={"split": 3, "momentum 0": 3, "momentum 0 lr 0.1": 3},
        ),
        Study(
            name="features",
            configurations={"gradients": S0 | {"scaling": "gradients", "whole": False, "each": ("on_test",)}},
            note="Oriented gradients only, one seed.",
        ),
        Study(
            name="range_test",
            configurations={"fresh": {"after_training": False}, "trained": {"after_training": True}},
            measure=measurements.range_test,
            seeds=5,
        ),
        Study(
            name="gradient_noise",
            configurations={str(size): {"batch_size": size} for size in _NOISE},
            measure=measurements.gradient_noise,
            seeds=3,
        ),
        Study(
            name="data",
            configurations={"train": {"part": "train"}, "test": {"part": "t10k"}},
            measure=measurements.describe,
        ),
        Study(
            name="cost",
            configurations=_cost(),
            measure=measurements.cost,
            seeds=3,
            fewer={name: 2 for name in _cost() if name.startswith("loader")},
            alone=True,
            note="Times of an epoch are reckoned from a part of it; no GPU.",
        ),
    )
}
