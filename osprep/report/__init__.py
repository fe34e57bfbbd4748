"""The report: one static page that shows what a dataset holds."""

from osprep.report.charts import Chart
from osprep.report.page import Image, Section
from osprep.report.writing import write_report

__all__ = ["Chart", "Image", "Section", "write_report"]
