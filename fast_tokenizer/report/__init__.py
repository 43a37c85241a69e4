"""Reports: what a tokenizer does to a dataset, on one page that people look at, or in figures of matplotlib.

Examples:
    >>> from fast_tokenizer import FastTokenizer
    >>> from fast_tokenizer.chunking import cut_chunks
    >>> from fast_tokenizer.motions import generate_episodes
    >>> chunks = cut_chunks(generate_episodes(6, action_dim=3, seconds=4.0), 50, 10)
    >>> report = make_report(FastTokenizer.fit(chunks), [ChunkSet("all of them", chunks, len(chunks))])
    >>> as_page(report)[:15]
    '<!doctype html>'
"""

from fast_tokenizer.report.chunk_sets import CHUNKS, ChunkSet, draw_chunks, read_chunk_sets
from fast_tokenizer.report.comparison import BINS, ComparedTokenizer, compare
from fast_tokenizer.report.content import Report
from fast_tokenizer.report.figures import draw_figures
from fast_tokenizer.report.making import make_report
from fast_tokenizer.report.measurement import chunk_normalizer
from fast_tokenizer.report.page import as_page, save_page

__all__ = [
    "BINS",
    "CHUNKS",
    "ChunkSet",
    "ComparedTokenizer",
    "Report",
    "as_page",
    "chunk_normalizer",
    "compare",
    "draw_chunks",
    "draw_figures",
    "make_report",
    "read_chunk_sets",
    "save_page",
]
