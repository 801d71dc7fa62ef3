"""What has become of the rows so far, in plain numbers, for whoever publishes them."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counts:
    """Of one instance since its start. A row is a record or a correction."""

    queued_rows: int = 0
    """In memory now, those on their way to the database included."""
    queued_bytes: int = 0
    spilled_rows: int = 0
    """On disk now, and this instance's to write."""
    spilled_bytes: int = 0
    written: int = 0
    """Taken by the database, as far as it said so; those that were there already included."""
    spilled: int = 0
    """Put on disk."""
    replayed: int = 0
    """Written from there."""
    altered: int = 0
    """Written in a milder form, after the database had refused them as they were."""
    set_aside: int = 0
    """Refused by the database in every form; they stand in `set-aside.jsonl`."""
    dropped: int = 0
    """Lost, because the memory was full, or `set-aside.jsonl`. Zero unless the disk fails as well as the database,
    or is slower than what comes."""
    dropped_on_disk: int = 0
    """Lost with the oldest spill file, because all of them reached their bound. Zero, too."""
    damaged: int = 0
    """Lines of spill files that could not be read, such as the last one of a process that was killed."""
    batches: int = 0
    failed_batches: int = 0
    trimmed: int = 0
    """Deleted by this instance because of their age."""
