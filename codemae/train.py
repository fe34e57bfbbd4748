"""Pretraining: configuration → data → model → loop.

    codemae train --data s3://bucket/ospretrain --out run preset=base batch=1024 epochs=800
    torchrun --nproc_per_node 8 --no-python codemae train --data … --out run preset=base batch=1024 micro_batch=128

The batch counts pairs over all processes; micro_batch splits a process's share to fit its memory, and the batch stays
what it is whatever the number of processes. The same command goes on where a run stopped, from its newest whole
checkpoint: the same data, the same masks and, on the CPU with as many torch threads, the same bits; what is random
follows from seed, step and slot. SIGTERM and SIGINT end a run after its step, with a checkpoint (exit code 130).

    OUT/config.yaml  log.jsonl  tensorboard/  loss.png  pictures/  checkpoints/  and in the end model.safetensors, .json
"""

import shlex
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import yaml
from torch import Tensor

from codemae import checkpoint
from codemae.config import TrainConfig, differences, plain, without_secrets
from codemae.distributed import World, join
from codemae.errors import ConfigError
from codemae.export import export_weights
from codemae.interrupt import Interrupt
from codemae.model import CoDeMAE
from codemae.optimiser import make_optimiser, restore_state, state_tensors
from codemae.report import Later, StepReport, make_tally, sample_keys
from codemae.schedule import learning_rate, plan_schedule
from codemae.step import Learner, optimise
from codemae.watch import Watch
from manifests import MODALITIES, open_store
from osloader import Batch, Loader

INTERRUPTED = 130
CONFIG, CHECKPOINTS = "config.yaml", "checkpoints"


@dataclass(frozen=True, slots=True)
class TrainResult:
    """How a run ended: `steps` of `total` done, losses of the last one by name; exit_code 0, or 130 interrupted."""

    out: Path
    steps: int
    total: int
    losses: Mapping[str, float]
    exit_code: int


def train(config: TrainConfig) -> TrainResult:
    """Pretrain, or go on from the newest whole checkpoint in `out`.

    Raises ConfigError for settings that do not fit the run in `out`, the data or the machine, the loader's and store's
    errors, CheckpointError, and NonFiniteError when a loss or gradient is no longer a number.
    """
    out = _folder(config)
    with ExitStack() as stack:
        world = stack.enter_context(join(config.device))
        interrupt = stack.enter_context(Interrupt())
        loader = stack.enter_context(Loader(config.data, config.loader_config(), world.rank, world.size))
        learner = _learner(config, world, loader)
        done, total = _resume(learner, loader, out), learner.schedule.total
        end = min(total, config.stop_after or total)
        watch = stack.enter_context(Watch(learner, out, done))
        batches = stack.enter_context(closing(_endless(loader)))
        asked = False
        for step in range(done, end):
            began = time.perf_counter()
            parts = [next(batches) for _ in range(loader.micro_batches)]
            waited = time.perf_counter() - began
            figures = optimise(learner, step, parts)
            tally = world.sum(make_tally(parts, interrupt.asked).to(world.device))
            asked = watch.settle()  # of the step before: nothing waits for the device here
            watch.take(_report(learner, parts, figures, tally, began, waited), parts)
            done = step + 1
            saving = done == end or done % config.checkpoint_every == 0
            drawing = done < total and config.pictures_every > 0 and done % config.pictures_every == 0
            if asked or saving or drawing:
                asked = watch.settle() or asked
            if asked or saving:
                _save(learner, loader, watch, out)
            if drawing:
                watch.draw(done)
            if asked:
                break
        if done == total and world.main:
            watch.draw(done)
            export_weights(out, learner.model, config, learner.normalisation, done)
        losses = {name: watch.line[name] for name in ("loss", *config.objectives) if name in watch.line}
        interrupted = asked and done < total
    if world.main:
        print(_last_line(config, done, total, losses, interrupted), file=sys.stderr)
    return TrainResult(out, done, total, losses, INTERRUPTED if interrupted else 0)


def _folder(config: TrainConfig) -> Path:
    """Return the folder of the run after asking whether it may be written."""
    if "://" in config.out:
        raise ConfigError(f"out {config.out}: a run is written to a folder; give one and copy it afterwards")
    open_store(config.out).probe()
    return Path(config.out).expanduser()


def _learner(config: TrainConfig, world: World, loader: Loader) -> Learner:
    if config.groups > 1 and world.size > 1 and "contrastive" in config.objectives:
        raise ConfigError(
            f"schedule=grouped groups={config.groups}: {world.size} processes would contrast steps of different kinds;"
            " use one process, schedule=mixed, or objectives=mae,cross"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)  # every process draws the same weights
        model = CoDeMAE(config.model_config()).to(world.device)
    return Learner(
        config=config,
        world=world,
        model=model,
        wrapped=world.wrap(model),
        optimiser=make_optimiser(model, config, world.device),
        schedule=plan_schedule(config, loader.steps_per_epoch),
        normalisation={name: loader.normalisation[name].to(world.device) for name in MODALITIES},
        amp=config.precision == "bf16" or (config.precision == "auto" and world.device.type == "cuda"),
    )


def _resume(learner: Learner, loader: Loader, out: Path) -> int:
    """Bring model, optimiser and loader to where the newest whole checkpoint left them; return the steps done."""
    config, world = learner.config, learner.world
    newest = checkpoint.newest(out / CHECKPOINTS) if world.main else None
    step = world.from_main(checkpoint.step_of(newest) if newest else 0)
    if step:
        saved = checkpoint.load(out / CHECKPOINTS / checkpoint.folder_name(step))
        if changed := differences(config, saved.config):
            told = ", ".join(f"{name} was {then}, now {now}" for name, (then, now) in changed.items())
            raise ConfigError(f"{out}: holds a run with other settings ({told}); give those, or another --out")
        learner.model.load_state_dict(saved.model)
        restore_state(learner.optimiser, learner.model, saved.optimiser)
        loader.load_state_dict(saved.loader)
    if world.main:
        # Without stop_after: who goes on with this file wants to go on.
        open_store(out).put(CONFIG, yaml.safe_dump(plain(replace(config, stop_after=None)), sort_keys=False).encode())
    return step


def _endless(loader: Loader) -> Generator[Batch, None, None]:
    while True:
        yield from loader


def _report(
    learner: Learner, parts: Sequence[Batch], figures: Tensor, tally: Tensor, began: float, waited: float
) -> StepReport:
    return StepReport(
        step=parts[0].step,
        epoch=parts[0].epoch,
        keys=sample_keys(parts),
        objectives=learner.config.objectives,
        figures=Later(figures),
        tally=Later(tally),
        parts=len(parts) * learner.world.size,
        pairs=learner.config.batch,
        rate=learning_rate(parts[0].step, learner.schedule),
        seconds=time.perf_counter() - began,
        waited=waited,
    )


def _save(learner: Learner, loader: Loader, watch: Watch, out: Path) -> None:
    """Write a checkpoint between two steps; processes other than the main one go on to the next."""
    if not learner.world.main:
        return
    watch.sync()
    saved = checkpoint.Checkpoint(
        step=loader.step,
        model=learner.model.state_dict(),
        optimiser=state_tensors(learner.optimiser, learner.model),
        loader=loader.state_dict(),
        config=plain(learner.config),
    )
    checkpoint.save(out / CHECKPOINTS, saved, learner.config.keep)


def _last_line(config: TrainConfig, done: int, total: int, losses: Mapping[str, float], interrupted: bool) -> str:
    again = shlex.join(
        [
            "codemae",
            "train",
            "--data",
            without_secrets(config.data),
            "--out",
            config.out,
            "--config",
            f"{config.out}/{CONFIG}",
        ]
    )
    if done < total:
        how = "interrupted" if interrupted else "stopped"
        return f"{how} after {done:,} of {total:,} steps; to go on: {again}"
    told = " ".join(f"{name}={value:.4f}" for name, value in losses.items())
    return f"{done:,} steps done, {told}; look into {config.out}: loss.png, pictures/, log.jsonl, model.safetensors"
