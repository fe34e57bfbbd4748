"""Readers of raw folders, one per source."""

from osprep.readers.base import BuiltinReader, Findings, Reader, get_reader, reader_ids, subfolder, walk

__all__ = ["BuiltinReader", "Findings", "Reader", "get_reader", "reader_ids", "subfolder", "walk"]
