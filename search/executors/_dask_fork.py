"""Preloaded by the nannies of this machine: their workers are forked from one that has imported."""

NURSERY = "search.nursery"


def dask_setup(nanny: object) -> None:
    """Have the nannies of this process fork their workers."""
    import dask
    from distributed import utils

    dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
    # distributed 2026.8 would have all that it can use imported here and there, pandas included
    utils._forkserver_preload_set = True
    utils.get_mp_context().set_forkserver_preload(["distributed", NURSERY])
