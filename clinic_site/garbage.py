import gc


def spare_what_is_loaded() -> None:
    """Let no request wait while all that was loaded is searched for garbage.

    A page leaves a few hundred objects behind, so Python would search at every third.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
