# Run: ./examples/filetype/filetype.sh README.md http://localhost:9876
# /// script
# dependencies = ["magika"]
# ///
"""Tells what files are by their content, with Magika."""

from magika import Magika

magika = Magika()


def run(request):
    return {file.filename: name(file) for file in request.files.getlist("file")}


def name(file):
    kind = magika.identify_stream(file.stream).output
    return f"{kind.description} ({kind.mime_type})"
