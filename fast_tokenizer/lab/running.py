"""Trials run side by side, with one bar for all of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TypeAlias

from fast_tokenizer.lab.experiment import Experiment, Outcome, Trial
from fast_tokenizer.lab.records import Records
from fast_tokenizer.progress import ProgressBar

_SECONDS_BETWEEN_LOOKS = 0.2


def run_trials(
    experiment: Experiment, trials: Sequence[Trial], records: Records, *, workers: int = 1
) -> list[Outcome]:
    """Runs what was not run yet, and writes each outcome when it is there.

    Args:
        experiment: What they are trials of.
        trials: All that are wanted.
        records: Those that are there, and where the others go.
        workers: Processes; 1 runs them in this one. Of an experiment that runs alone there is one.

    Returns:
        All outcomes, in the order of the trials.

    Raises:
        BrokenProcessPool: If a process ended by itself, such as for lack of memory: what it ran is not known.
        Exception: What a trial failed with, the first if several did, after all others were run.
    """
    missing = [trial for trial in trials if records.find(trial.settings) is None]
    total = sum(trial.work for trial in missing)
    with ProgressBar(experiment.name, unit="steps") as bar:

        def show(done: int) -> None:
            bar.update(min(done, total), total)

        beside = 1 if experiment.runs_alone else min(workers, len(missing))
        run = _one_by_one if beside <= 1 else _side_by_side
        failures = []
        for finished in run(experiment, missing, beside, show):
            failure = finished.exception()
            if isinstance(failure, BrokenProcessPool):
                raise failure
            if failure is None:
                records.write(*finished.result())
            else:
                failures.append(failure)
    if failures:
        raise failures[0]
    found = [records.find(trial.settings) for trial in trials]
    return [outcome for outcome in found if outcome is not None]


_Finished: TypeAlias = "Future[tuple[Outcome, float]]"
"""A trial that was run, or failed: its outcome and seconds."""


def _one_by_one(
    experiment: Experiment, trials: Sequence[Trial], workers: int, show: Callable[[int], None]
) -> Iterator[_Finished]:
    before = 0
    for trial in trials:
        show(before)

        def progress(done: int, before: int = before) -> None:
            show(before + done)

        finished: _Finished = Future()
        try:
            with _one_thread():
                finished.set_result(_timed(experiment, trial, progress))
        except Exception as error:
            finished.set_exception(error)
        yield finished
        before += trial.work
        show(before)


def _side_by_side(
    experiment: Experiment, trials: Sequence[Trial], workers: int, show: Callable[[int], None]
) -> Iterator[_Finished]:
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    done = context.Array("q", len(trials), lock=False)  # the work done of each
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, context, _begin_worker, (done,))
    try:
        with _ignored_interrupt():
            running = {pool.submit(_run_in_worker, experiment, trial, at) for at, trial in enumerate(trials)}
        show(0)
        while running:
            finished, running = wait(running, _SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
            show(sum(done))
            yield from finished
    except BaseException:
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()  # nobody waits for what a trial would still do
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _ignored_interrupt() -> Iterator[None]:
    """Ctrl-C is for the process that shows the bar: those that are started here ignore it all their lives.

    Nor may it come in between, where a process is half started.
    """
    if threading.current_thread() is not threading.main_thread():  # where nothing can be said of signals
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_work_done: Any = None
"""In a worker: what it shares with the process that shows the bar."""


def _begin_worker(done: Any) -> None:
    global _work_done  # noqa: PLW0603  (how a pool gives its workers something that cannot be pickled)
    _work_done = done
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    """Also where that was killed, and could not tell anybody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run_in_worker(experiment: Experiment, trial: Trial, at: int) -> tuple[Outcome, float]:
    def progress(done: int) -> None:
        _work_done[at] = done

    with _one_thread():
        result = _timed(experiment, trial, progress)
    progress(trial.work)
    return result


def _timed(experiment: Experiment, trial: Trial, progress: Callable[[int], None]) -> tuple[Outcome, float]:
    begin = perf_counter()
    try:
        figures = experiment.run(trial.settings, progress)
    except Exception as error:
        if hasattr(error, "add_note"):  # from Python 3.11 on
            error.add_note(f"in a trial of {experiment.name}: {dict(trial.settings)}")
        raise
    return Outcome(trial.settings, figures), perf_counter() - begin


@contextmanager
def _one_thread() -> Iterator[None]:
    """Networks this small wait for threads more than they compute."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
