"""Datasets that every command must refuse in one line, and what that line says."""

import numpy as np
from dataset_files import write_robomimic

BAD_DATASETS = {
    "nowhere.npz": r"nowhere\.npz: No such file",
    "nan.npz": r"nan\.npz: episode 3: actions\[17, 1\] is nan",
    "ragged.hdf5": r"ragged\.hdf5: demo_4: .*2.*expected.*3",
    "empty.hdf5": r"no chunk of 20 steps: the longest of \d+ episode\(s\) has 0 steps",
    "short.npz": r"no chunk of 20 steps: the longest of \d+ episode\(s\) has 19 steps",
}


def save_npz(path, episodes, **arrays):
    ends = np.cumsum([len(episode) for episode in episodes])
    np.savez(path, actions=np.concatenate(episodes), episode_ends=ends, hz=20.0, **arrays)


def write_bad_dataset(folder, name, episodes):
    """Writes one of them, made of five or more episodes `[T, 3]` of 20 steps or more."""
    broken = [np.array(episode) for episode in episodes]
    if name == "nan.npz":
        broken[3][17, 1] = np.nan
        save_npz(folder / name, broken)
    elif name == "ragged.hdf5":
        broken[4] = broken[4][:, :2]
        write_robomimic(folder / name, broken)
    elif name == "empty.hdf5":
        write_robomimic(folder / name, [episode[:0] for episode in episodes])
    elif name == "short.npz":
        save_npz(folder / name, [episode[:19] for episode in episodes])
