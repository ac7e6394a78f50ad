"""The studies behind the published claims, declared as data: configurations × seeds.

Names of configurations and metrics are what the ledger and notebook 15 look up. Numbers of seeds, and what a ``note``
says, were cut to fit the whole set into a few hours on two cores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass

from mnist_lr_helpers.reproduction import measurements, one_vs_rest, reports
from mnist_lr_helpers.reproduction.recipes import S1, Row, Setting, drop_pixels, shift_and_turn

Configurations = Mapping[str, Mapping[str, Setting]]


@dataclass(frozen=True, eq=False)
class Study:
    """A grid of configurations × seeds, and what measures one of them.

    Attributes:
        name: of its table, ``data/results/<name>.csv``.
        configurations: settings by the name in the table; among them, ``"measure"`` and ``"seeds"`` take the place of
            the study's.
        measure: function of a seed and the other settings, as keyword arguments, that returns rows.
        seeds: seeds 0 to ``seeds`` − 1 for each configuration.
        alone: times something, so that nothing else may run beside it.
        note: what was cut.
    """

    name: str
    configurations: Configurations
    _: KW_ONLY
    measure: Callable[..., list[Row]] = reports.train_and_report
    seeds: int = 1
    alone: bool = False
    note: str = ""

    @property
    def grid(self) -> list[tuple[str, int]]:
        """Every (configuration, seed), in the order of the table."""
        seeds = {name: settings.get("seeds", self.seeds) for name, settings in self.configurations.items()}
        return [(name, seed) for name in seeds for seed in range(seeds[name])]

    def measuring(self, configuration: str) -> tuple[Callable[..., list[Row]], dict[str, Setting]]:
        """The function that measures a configuration, and its keyword arguments."""
        settings = {"measure": self.measure} | dict(self.configurations[configuration])
        settings.pop("seeds", None)
        return settings.pop("measure"), settings


S0 = {"batch_size": 64, "learning_rate": 0.01, "momentum": 0.9, "epochs": 10}
S2 = {"batch_size": 200, "learning_rate": 5e-4, "optimizer": "adam"}
S4 = {"batch_size": 512, "learning_rate": 0.001, "momentum": 0.0, "epochs": 50, "keep": 5}


def _s0_recipe() -> Configurations:
    plain = S0 | {"last": (reports.step_noise,), "momentum": 0.0, "seeds": 3}
    return {
        "published": S0 | {"last": (reports.weights, reports.templates, reports.logit_sums, reports.step_noise)},
        "split": S0 | {"whole": False, "each": (reports.on_test,), "seeds": 3},
        "momentum 0": plain,
        "momentum 0 lr 0.1": plain | {"learning_rate": 0.1},
    }


def _scaling() -> Configurations:
    unit = (0.01, 0.03, 0.1, 0.3)
    rates = {"unit": unit, "std": (0.001, 0.003, 0.01, 0.03), "pixel": (0.01,)}
    rates["raw"] = (0.01, 1e-5, *(float(f"{rate / 255**2:.2g}") for rate in unit))
    first = {f"{s} first gradient": {"scaling": s, "measure": measurements.first_gradient} for s in ("unit", "raw")}
    found = {
        f"{scaling} lr={rate:g}": S0 | {"scaling": scaling, "learning_rate": rate, "keep": 10}
        for scaling, some in rates.items()
        for rate in some
    }
    small = {f"small start, {c}": found[c] | {"initialisation": "torch / 255"} for c in found if c.startswith("raw ")}
    return found | small | first


def _s1_recipe() -> Configurations:
    last = (reports.best, reports.classes, reports.confusion, reports.calibration, reports.certainty, reports.quality)
    twice = S1 | {"measure": measurements.train_twice, "seeds": 1}
    return {"published": S1 | {"each": (reports.on_test,), "last": last}, "same seed twice": twice}


def _s1_variants() -> Configurations:
    stated = S1 | {"last": (reports.on_test,), "keep": 10}
    by_digit = stated | {"last": (reports.on_test, reports.recalls)}
    constant, to_the_end = {"decay_every": 0}, {"patience": 0}
    long = constant | to_the_end | {"epochs": 200, "each": (reports.on_test,), "last": (), "seeds": 3}
    in_order = to_the_end | {"measure": measurements.train_in_order}
    found = {
        "unit": stated | {"scaling": "unit"},
        "class weights": by_digit | {"arrangement": "balanced"},
        "deskewed": stated | {"scaling": "deskewed"},
        "clipped": stated | {"longest_gradient": 1.0},
        "augmented": by_digit | {"augment": shift_and_turn, "seeds": 3},
        "errors up-weighted": by_digit | {"arrangement": "errors", "seeds": 3},
        "constant": stated | constant,
        "no early stop": stated | to_the_end,
        "constant no early stop": stated | constant | to_the_end,
        **{name: stated | {"initialisation": name} for name in ("zeros", "torch", "he", "normal(0,1)")},
        "input dropout=0.1": stated | {"augment": drop_pixels, "seeds": 3},
        "long": stated | long,
        "no shuffle": S1 | in_order,
        "sorted": S1 | in_order | {"arrangement": "sorted"},
    }
    for size in (16, 32, 128, 256, 1024):
        own = stated | {"batch_size": size, "seeds": 3 if size == 16 else 5}
        found |= {f"batch={size}": own, f"batch={size} scaled": own | {"learning_rate": 0.01 * size / 64}}
    for name in ("1e-5", "1e-4", "1e-3", "1e-2"):
        found[f"weight_decay={name}"] = stated | {"weight_decay": float(name), "seeds": 3}
    for rate in (1e-4, 1e-3, 1e-2, 1e-1, 1.0):
        for momentum in (0.0, 0.9):
            changes = {"learning_rate": rate, "momentum": momentum, "last": (), "seeds": 1}
            found[f"lr={rate:g} momentum={momentum:g}"] = stated | constant | to_the_end | changes
    return found | {"gradient norm": {"epochs": 5, "measure": measurements.gradient_norms, "seeds": 1}}


def _cost() -> Configurations:
    found = {"linear": {}} | {f"linear {side}x{side}": {"side": side} for side in (7, 56)}
    found |= {"cnn 4-8": {"channels": [4, 8]}, "cnn 8-16": {"channels": [8, 16]}}
    found |= {f"in memory batch={size}": {"batch_size": size} for size in (16, 32, 64, 128, 1024)}
    feed = {"measure": measurements.loader, "seeds": 2}
    found |= {f"loader workers={workers}": feed | {"workers": workers} for workers in (0, 1, 2, 4)}
    return found | {f"loader batch={size}": feed | {"workers": 2, "batch_size": size} for size in (32, 128)}


def _optimum() -> Configurations:
    base = {"l2": 1e-4, "images": 10_000}
    return {
        "l2=1e-5": {"l2": 1e-5, "initialisation": "zeros"},
        "l2=1e-4 start=zeros": base | {"initialisation": "zeros"},
        "l2=1e-4 start=xavier": base | {"initialisation": "xavier", "seeds": 2},
        "l2=1e-4 start=normal": base | {"initialisation": "normal(0,1)", "seeds": 2},
    }


def _widths() -> Configurations:
    networks = {"linear": []} | {str(width): [width] for width in (512, 256, 128, 64)}
    networks |= {f"{width}-{width // 2}": [width, width // 2] for width in (512, 256, 128, 64)}
    base = S2 | {"whole": False, "epochs": 100, "each": (reports.on_test,)}
    found = {name: base | {"hidden": hidden} for name, hidden in networks.items()}
    return found | {"linear std": base | {"scaling": "std"}, "linear long": base | {"epochs": 150, "keep": 10}}


def _depth() -> Configurations:
    base = S2 | {"hidden": [512], "epochs": 20}
    return {
        "512": base | {"last": (reports.confusion, reports.recalls), "last_at": 15},
        "512-256": base | {"hidden": [512, 256]},
        "512 std": base | {"scaling": "std", "seeds": 1},
    }


def _penalties() -> Configurations:
    base = S2 | {"hidden": [512], "epochs": 100}
    strengths = ("0", "1e-05", "3e-05", "0.0003", "0.001", "0.003")
    found = {strength: base | {"weight_decay": 2 * float(strength)} for strength in strengths}
    found["3e-05"] |= {"each": (reports.recalls,), "last": (reports.confusion,)}
    return found | {"3e-05 weight_decay": base | {"weight_decay": 3e-5}}


def _linear_penalties() -> Configurations:
    base = S2 | {"epochs": 30, "keep": 10}
    known = base | {"last": (reports.calibration, reports.weights)}
    std = base | {"scaling": "std"}
    found = {f"penalty lambda={name}": known | {"weight_decay": 2 * float(name)} for name in ("0", "0.0001", "0.1")}
    return found | {
        "weight_decay lambda=0.0001": base | {"weight_decay": 0.0001},
        "weight_decay lambda=0.1": base | {"weight_decay": 0.1},
        "zeros lambda=0": known | {"initialisation": "zeros"},
        "std penalty lambda=0": std,
        "std penalty lambda=0.0001": std | {"weight_decay": 0.0002},
    }


def _minibatches() -> Configurations:
    rates = {20: (5e-4,), 200: (5e-4, 2e-3), 2_000: (5e-4, 5e-3), 60_000: (5e-4, 1e-2)}
    base = S2 | {"hidden": [128], "keep": 10, "last": (reports.seconds,)}
    return {
        f"batch={n} lr={rate:g}": base | {"batch_size": n, "learning_rate": rate, "epochs": 100 if n == 60_000 else 15}
        for n, some in rates.items()
        for rate in some
    }


def _one_vs_rest() -> Configurations:
    bases = {
        0.1: {"learning_rate": 0.1, "epochs": 800, "every": 50, "seeds": 1},
        0.5: {"learning_rate": 0.5, "epochs": 300, "every": 10},
        1.0: {"learning_rate": 1.0, "epochs": 200, "every": 10, "seeds": 3},
    }
    found = {f"lr={rate:g} correct": base for rate, base in bases.items()}
    found |= {f"lr={rate:g} printed": bases[rate] | {"printed": True} for rate in (0.1, 0.5)}
    converged = {"measure": one_vs_rest.converged, "seeds": 1}
    return found | {"ovr converged": converged | {"softmax": False}, "softmax converged": converged | {"softmax": True}}


def _improvements() -> Configurations:
    std = S4 | {"scaling": "std"}
    found = {
        "long": S4 | {"epochs": 500, "keep": 50},
        "std lr=0.001": std,
        "momentum": S4 | {"momentum": 0.9},
        "adam lr=0.001": S4 | {"optimizer": "adam"},
    }
    found |= {f"weight_decay={decay:g}": S4 | {"weight_decay": decay} for decay in (1e-4, 1e-2)}
    found |= {f"unit lr={rate:g}": S4 | {"learning_rate": rate} for rate in (0.01, 0.1, 0.5)}
    return found | {f"std lr={rate:g}": std | {"learning_rate": rate} for rate in (0.01, 0.05)}


def _convolutional() -> Configurations:
    base = S0 | {"last": (reports.size,)}
    found = {str(n): base | {"channels": [n], "seeds": 1} for n in (1, 2)}
    found |= {"4": base | {"channels": [4]}, "4-8": base | {"channels": [4, 8]}}
    return found | {"8-16": base | {"channels": [8, 16], "epochs": 4}}


_BATCHES = {f"batch={n}": S4 | {"batch_size": n} for n in (32, 64, 100, 128, 256, 400, 512, 600, 1000)}
_GRADIENTS = {"gradients": S0 | {"scaling": "gradients", "whole": False, "each": (reports.on_test,)}}
_RANGE_TESTS = {"fresh": {"after_training": False}, "trained": {"after_training": True}}
_NOISE = {str(size): {"batch_size": size} for size in (16, 32, 64, 128, 256, 512, 1024)}

_ALL = (  # the long ones come first
    Study("s2_l2", _penalties(), seeds=3),
    Study("s2_widths", _widths(), seeds=3, note="54,000 training images, so that 6,000 others choose the epoch."),
    Study("s2_depth", _depth(), seeds=5),
    Study("s1_variants", _s1_variants(), seeds=5, note="Without shuffling no early stop."),
    Study("s3_ovr", _one_vs_rest(), measure=one_vs_rest.one_vs_rest, seeds=2, note="800, 300 and 200 steps."),
    Study("s4_batch", _BATCHES, seeds=3, note="Curves kept at epochs 1, 2, 3 and every fifth."),
    Study("s4_improve", _improvements(), seeds=3),
    Study("cnn", _convolutional(), seeds=3, note="The largest for four epochs."),
    Study("s2_linear", _linear_penalties(), seeds=3),
    Study("s2_minibatch", _minibatches(), seeds=3, note="The whole set as one batch for 100 steps."),
    Study("optimum", _optimum(), measure=measurements.optimum, note="Starts on 10,000 images."),
    Study("scaling", _scaling(), seeds=3),
    Study("s1_recipe", _s1_recipe(), seeds=10),
    Study("s0_recipe", _s0_recipe(), seeds=5),
    Study("features", _GRADIENTS, seeds=3, note="Oriented gradients only."),
    Study("range_test", _RANGE_TESTS, measure=measurements.range_test, seeds=5),
    Study("gradient_noise", _NOISE, measure=measurements.gradient_noise, seeds=3),
    Study("data", {"train": {"part": "train"}, "test": {"part": "t10k"}}, measure=measurements.describe),
    Study("cost", _cost(), measure=measurements.cost, seeds=3, alone=True, note="Reckoned from a part of an epoch."),
)
STUDIES = {study.name: study for study in _ALL}
