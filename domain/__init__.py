"""The rules of the job, with no I/O and no clock."""
