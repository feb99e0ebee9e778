# Run: owt call examples/digits/digits.py image:@examples/digits/seven.txt
# /// script
# dependencies = ["scikit-learn"]
# ///
"""Reads handwritten digits with scikit-learn: trained on first use, asked for many at once."""

from owt.summat import batch, once

# How a picture shows ink, from 0 to 16 in steps of 4.
SIGNS = " .oO#"
TRAINED = 1500


@once
def digits():
    from sklearn.datasets import load_digits

    return load_digits()


@once
def model():
    from sklearn.svm import SVC

    return SVC(gamma=0.001, C=10).fit(digits().data[:TRAINED], digits().target[:TRAINED])


@batch(max=64, wait=0.005)
def predict(images):
    return model().predict(images).tolist()


def run(image):
    lines = (f"{line:8}" for line in image.splitlines())
    return {"digit": predict([4 * SIGNS.index(sign) for line in lines for sign in line])}


def exam():
    """The digits that the model has not seen."""
    images, answers = digits().images[TRAINED:], digits().target[TRAINED:]
    return [
        {"image": picture(image), "digit": digit}
        for image, digit in zip(images, answers.tolist(), strict=True)
    ]


def picture(rows):
    return "\n".join("".join(SIGNS[round(ink / 4)] for ink in row) for row in rows)


def stats():
    return predict.stats()._asdict()
