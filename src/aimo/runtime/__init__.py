"""Decides what is used for what: a module for each subject, and `Runtime`, which opens and closes it all."""

from aimo.runtime.process import Runtime

__all__ = ["Runtime"]
