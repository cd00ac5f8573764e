"""The unbiased distance between two samples of sessions, with bootstrap and permutation test.

Two samples of one population never agree exactly: the squared distance of their averages is on average the
sum of their sampling variances, the *noise*. The unbiased squared distance is the squared distance less the
noise; its mean is the true squared distance, and 0 for two samples of one population, whatever their sizes.
Splitting one sample into random halves shows the same: the mean squared distance of its halves is their
noise.

Sessions come in blocks that are independent of each other: the sessions of one person, or, where sessions of
the two samples correspond, those of one person in both. Variances, resamples and permutations go by block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facsim.metrics.bootstrap import cluster_weights

FloatArray = NDArray[np.float64]
Embedding = Callable[[FloatArray], FloatArray]

_CHUNK = 4_000_000  # numbers held at once: 32 MB


@dataclass(frozen=True)
class BlockSums:
    """Session vectors summed by block.

    Attributes:
        sums: shape (blocks, parts).
        counts: sessions of each block, shape (blocks,).
    """

    sums: FloatArray
    counts: FloatArray

    @classmethod
    def of(cls, shares: FloatArray, blocks: NDArray[np.int64], weights: FloatArray, number: int) -> BlockSums:
        """Sum rows by block; rows of NaN are left out.

        Args:
            shares: shape (sessions, parts).
            blocks: the block of each session, shape (sessions,).
            weights: as how many sessions each one counts, shape (sessions,).
            number: how many blocks there are.
        """
        known = np.isfinite(shares).all(axis=1)
        sums = np.zeros((number, shares.shape[1]))
        np.add.at(sums, blocks[known], shares[known] * weights[known, None])
        counts = np.bincount(blocks[known], weights[known], minlength=number)
        return cls(sums, counts.astype(np.float64))

    @property
    def size(self) -> float:
        """How many sessions there are."""
        return float(self.counts.sum())

    @property
    def mean(self) -> FloatArray:
        """The average over sessions, shape (parts,)."""
        return np.asarray(self.sums.sum(axis=0) / self.size)

    def deviations(self) -> FloatArray:
        """Each block's contribution to the error of the mean, shape (blocks, parts).

        The sum of their squares is the cluster-robust variance of the mean.
        """
        blocks = max(2, int(np.count_nonzero(self.counts)))
        deviations = (self.sums - self.counts[:, None] * self.mean) / self.size
        return np.asarray(deviations * np.sqrt(blocks / (blocks - 1)))

    def means(self, weights: FloatArray) -> FloatArray:
        """The averages with blocks weighted, shape (resamples, parts), for weights (resamples, blocks)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((weights @ self.sums) / (weights @ self.counts)[:, None])


@dataclass(frozen=True)
class TwoSamples:
    """Two samples of session vectors.

    Attributes:
        real: people.
        produced: the sample compared with them.
        paired: whether block i of one corresponds to block i of the other.
        embed: from shares, shape (…, parts), to vectors whose squared Euclidean distance is meant.
    """

    real: BlockSums
    produced: BlockSums
    paired: bool
    embed: Embedding

    @property
    def difference(self) -> FloatArray:
        """Average of the produced sample less that of the real one, shape (parts,)."""
        return self.produced.mean - self.real.mean

    @property
    def squared(self) -> float:
        """The squared distance of the averages, noise included."""
        return _square(self.embed(self.difference))

    @property
    def noise(self) -> float:
        """What the squared distance is on average for two samples of one population."""
        real, produced = (self.embed(side.deviations()) for side in (self.real, self.produced))
        if self.paired:
            return float(np.square(produced - real).sum())
        return float(np.square(real).sum() + np.square(produced).sum())

    @property
    def unbiased(self) -> float:
        """The unbiased squared distance; below 0 if the samples are more alike than chance makes them."""
        return self.squared - self.noise

    def errors(self, resamples: int, seed: int) -> tuple[FloatArray, FloatArray]:
        """The errors of both averages in bootstrap resamples of blocks.

        The same seed draws the same blocks whatever the measure and, for the real sample, whatever the
        produced one, so that replicates of several measures belong together.

        Returns:
            Two arrays of shape (resamples, parts), real and produced.
        """
        real = _resampled(self.real, resamples, seed)
        produced = _resampled(self.produced, resamples, seed if self.paired else seed + 1)
        return real, produced

    def replicates(self, errors: FloatArray) -> FloatArray:
        """Unbiased squared distances in resamples, shape (resamples,).

        A resample has the error of the sample and its own, so the noise is subtracted twice. Their quantiles
        then contain the true distance at least as often as stated, and more often where it is near 0
        (tests/fidelity/test_energy_distance.py).

        Args:
            errors: of the difference of averages, shape (resamples, parts).
        """
        found = np.square(self.embed(self.difference + errors)).sum(axis=1)
        return np.asarray(found - 2 * self.noise)

    def permutations(self, resamples: int, seed: int) -> FloatArray:
        """Squared distances after blocks were randomly exchanged between the samples, shape (resamples,).

        Paired blocks are swapped or not; others are dealt out anew, as many to each sample as before.
        The same seed deals the same blocks out, whatever the measure.
        """
        rng = np.random.default_rng(seed)
        found = np.empty(resamples)
        if self.paired:
            rows = self.produced.sums - self.real.sums
            for start, stop in _chunks(resamples, len(rows)):
                signs = rng.integers(2, size=(stop - start, len(rows))) * 2.0 - 1.0
                found[start:stop] = np.square(self.embed(signs @ rows / self.real.size)).sum(axis=1)
            return found
        pooled = BlockSums(
            np.vstack([self.real.sums, self.produced.sums]),
            np.concatenate([self.real.counts, self.produced.counts]),
        )
        first = len(self.real.counts)
        for start, stop in _chunks(resamples, len(pooled.counts)):
            order = np.argsort(rng.random((stop - start, len(pooled.counts))), axis=1)
            dealt = np.zeros(order.shape)
            np.put_along_axis(dealt, order[:, :first], 1.0, axis=1)
            apart = pooled.means(1 - dealt) - pooled.means(dealt)
            found[start:stop] = np.square(self.embed(apart)).sum(axis=1)
        return found


def split_halves(sample: BlockSums, embed: Embedding, splits: int, seed: int) -> FloatArray:
    """Squared distances between random halves of a sample's blocks, less their mean noise.

    Returns:
        Shape (splits,); their mean is about 0.
    """
    rng = np.random.default_rng(seed)
    found = np.empty(splits)
    blocks = len(sample.counts)
    for start, stop in _chunks(splits, blocks):
        order = np.argsort(rng.random((stop - start, blocks)), axis=1)
        half = np.zeros(order.shape)
        np.put_along_axis(half, order[:, : blocks // 2], 1.0, axis=1)
        found[start:stop] = np.square(embed(sample.means(half) - sample.means(1 - half))).sum(axis=1)
    # Both halves have twice the variance of the whole.
    return found - 4 * float(np.square(embed(sample.deviations())).sum())


def permutation_share(observed: float, permuted: FloatArray) -> float:
    """P-value: the share of permutations at least as large, the observed one included (Phipson & Smyth 2010).

    >>> permutation_share(3.0, np.array([1.0, 2.0, 3.0]))  # the last one and the observed one, of 4
    0.5
    """
    extreme = int(np.count_nonzero(permuted >= observed * (1 - 1e-9)))
    return (1 + extreme) / (1 + permuted.size)


def signed_root(values: FloatArray) -> FloatArray:
    """The root, with the sign of its argument.

    >>> signed_root(np.array([0.25, -0.25]))
    array([ 0.5, -0.5])
    """
    return np.asarray(np.sign(values) * np.sqrt(np.abs(values)))


def _resampled(sample: BlockSums, resamples: int, seed: int) -> FloatArray:
    means = [sample.means(weights) for weights in cluster_weights(len(sample.counts), resamples, seed)]
    # A resample in which no session has the measure has no error to speak of.
    return np.nan_to_num(np.vstack(means) - sample.mean)


def _square(vector: FloatArray) -> float:
    return float(np.square(vector).sum())


def _chunks(rows: int, columns: int) -> list[tuple[int, int]]:
    size = max(1, _CHUNK // max(1, columns))
    return [(start, min(start + size, rows)) for start in range(0, rows, size)]
