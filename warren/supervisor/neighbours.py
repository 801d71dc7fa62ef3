"""Who takes connections from which slot: each from its own, and from those of neighbours who cannot."""

from collections.abc import Mapping

from warren.supervisor.words import Standing

ABLE = (Standing.READY, Standing.STARTED, Standing.LEAVING)
"""Best first. The worst is still better than nobody: its clients get an honest answer."""


def shares(standings: Mapping[int, Standing | None]) -> dict[int, tuple[int, ...]]:
    """For each slot whose worker should take connections, the slots to take from. None: nobody there who answers.

    Those without a worker of their own go to the one with the fewest, the next in the round first.
    """
    takers = _best(standings)
    found = {slot: [slot] for slot in takers}
    for slot in sorted(standings.keys() - found.keys()):
        if takers:
            taker = min(takers, key=lambda each: (len(found[each]), (each - slot) % (max(standings) + 1)))
            found[taker].append(slot)
    return {slot: tuple(taken) for slot, taken in found.items()}


def _best(standings: Mapping[int, Standing | None]) -> list[int]:
    for wanted in ABLE:
        if takers := [slot for slot, standing in sorted(standings.items()) if standing is wanted]:
            return takers
    return []
