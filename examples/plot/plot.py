# Run: ./examples/open.sh plot http://localhost:9876
# /// script
# dependencies = ["matplotlib"]
# ///
"""Draws numbers with matplotlib: a figure that is returned is a PNG."""

from matplotlib.figure import Figure


def run(numbers, title=""):
    # Not pyplot, which has one current figure for all calls.
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(numbers, marker="o")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    return figure
