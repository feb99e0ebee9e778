# Run: ./examples/table/table.sh examples/table/planets.csv kind http://localhost:9876
# /// script
# dependencies = ["pandas"]
# ///
"""Groups a table with pandas, and answers in the form that the client asks for."""

import pandas


def run(request, by):
    table = pandas.read_csv(request.stream)
    if by not in table:
        abort(400, f"There is no column {by!r}: there are {', '.join(table)}.")
    means = table.groupby(by).mean(numeric_only=True).round(2).reset_index()
    if "text/csv" in request.headers.get("Accept", ""):
        return means.to_csv(index=False), {"Content-Type": "text/csv; charset=utf-8"}
    return means
