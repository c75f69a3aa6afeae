// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Which pairs belong together: least median of squares over triples (Rousseeuw, J. Am. Stat. Assoc. 79, 1984), then a
//! gate on the fitted noise until the set stands still.

use crate::pairs::{kept, Pairs, Unknowns};
use crate::refine::{refine, Noise, Refined, FLOOR};
use crate::se3::{log, nearest_rotation};
use nalgebra::{Matrix3, Vector3};

/// Triples tried: with 30 % outliers the chance that none is clean is below 1e-18, with 45 % below 1e-7.
const TRIPLES: usize = 100;
/// Among fewer pairs a few outliers bend the fit to them, so that its residuals cannot tell.
const FEW: usize = 30;
/// A residual beyond this normal quantile is worth a search (one in two hundred of good ones).
const WORTH_Z: f64 = 2.6;
/// Medians of chi squared with three and with six degrees of freedom.
const MEDIAN_3: f64 = 2.366;
const MEDIAN_6: f64 = 5.348;
/// Below this share of what the fitted noise predicts, a median says that outliers made the noise.
const CLEAN: f64 = 0.6;
const ROUNDS: usize = 30;

/// The largest statistic of a pair that belongs: 6 times Fisher's F with 6 and `dof` degrees of freedom at the normal
/// quantile `z` (Paulson's approximation, Ann. Math. Stat. 13, 1942).
pub fn gate(dof: f64, z: f64) -> f64 {
    let (a, b) = (2.0 / 54.0, 2.0 / (9.0 * dof.max(5.0)));
    let (square, half) = ((1.0 - b) * (1.0 - b) - z * z * b, (1.0 - a) * (1.0 - b));
    if square < 1e-2 {
        return f64::INFINITY;
    }
    let root = libm::sqrt((half * half - square * ((1.0 - a) * (1.0 - a) - z * z * a)).max(0.0));
    let x = (half + root) / square;
    6.0 * x * x * x
}

/// Whether a fit to all pairs looks like noise alone.
pub fn clean(pairs: Pairs, fit: &Refined, scratch: &mut [f64]) -> bool {
    if fit.noise.t <= FLOOR && fit.noise.r <= FLOOR {
        return true;
    }
    let n = pairs.len();
    if n < FEW {
        return false;
    }
    for (i, s) in scratch[..n].iter_mut().enumerate() {
        let (r, t) = pairs.residual(i, &fit.at);
        *s = fit.noise.statistic(&r, &t);
    }
    let limit = gate(dof(&fit.noise, n), WORTH_Z);
    let expected = MEDIAN_6 * (1.0 - 2.0 / n as f64);
    scratch[..n].iter().all(|s| *s <= limit) && median(&mut scratch[..n]) > CLEAN * expected
}

/// The candidate or the triple's solution whose residuals have the least product of medians; with its noise.
pub fn search(pairs: Pairs, first: Option<Unknowns>, scratch: &mut [f64]) -> Option<(Unknowns, Noise)> {
    let n = pairs.len();
    let (left, right) = scratch.split_at_mut(n);
    let mut best: Option<(f64, Unknowns, Noise)> = None;
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    for k in 0..=TRIPLES {
        let candidate = if k == 0 { first } else { triple(pairs, pick(&mut random, n)) };
        let Some(at) = candidate else { continue };
        for i in 0..n {
            let (r, t) = pairs.residual(i, &at);
            (left[i], right[i]) = (r.norm_squared(), t.norm_squared());
        }
        let scale = |values: &mut [f64]| libm::sqrt(median(values) / MEDIAN_3).max(FLOOR);
        let (r, t) = (scale(left), scale(&mut right[..n]));
        if best.as_ref().is_none_or(|b| r * t < b.0) {
            let dof = 1.5 * n as f64;
            best = Some((r * t, at, Noise { t, r, dof_t: dof, dof_r: dof, given: false }));
        }
    }
    best.map(|(_, at, noise)| (at, noise))
}

/// Refits and gates in turn until the kept pairs stay the same; None where too few are left or they do not determine X.
pub fn settle(
    pairs: Pairs,
    keep: &mut [f64],
    start: (Unknowns, Noise),
    given: Option<(f64, f64)>,
    z: f64,
) -> Option<Refined> {
    let (mut at, mut noise) = start;
    let mut fit = None;
    for _ in 0..ROUNDS {
        let limit = gate(dof(&noise, kept(keep).count().max(1)), z);
        let mut changed = false;
        for (i, k) in keep.iter_mut().enumerate() {
            let (r, t) = pairs.residual(i, &at);
            let now = f64::from(u8::from(noise.statistic(&r, &t) <= limit));
            changed |= now != *k;
            *k = now;
        }
        if fit.is_some() && !changed {
            break;
        }
        if kept(keep).count() < 3 {
            return None;
        }
        let next = refine(pairs, keep, at, given)?;
        (at, noise, fit) = (next.at, next.noise, Some(next));
    }
    fit
}

/// Degrees of freedom of the gate.
fn dof(noise: &Noise, kept: usize) -> f64 {
    if noise.given {
        return 1e9;
    }
    (noise.dof_r + noise.dof_t).min(6.0 * kept as f64)
}

/// X's rotation from a triple's three relative rotations, then the rest; None where their axes are parallel.
fn triple(pairs: Pairs, indices: [usize; 3]) -> Option<Unknowns> {
    let mut sum = Matrix3::zeros();
    let mut axes = [Vector3::zeros(); 3];
    for k in 0..3 {
        let ((a, b), (c, d)) = (pairs.get(indices[k]), pairs.get(indices[(k + 1) % 3]));
        let (alpha, beta) = (log(&(c.r.transpose() * a.r)), log(&(d.r * b.r.transpose())));
        axes[k] = alpha;
        sum += alpha * beta.transpose();
    }
    let across = axes[0].cross(&axes[1]).norm().max(axes[1].cross(&axes[2]).norm());
    (across > 1e-4).then(|| pairs.complete(&nearest_rotation(&sum), indices.into_iter()))?
}

/// Three different indices below n.
fn pick(random: &mut u64, n: usize) -> [usize; 3] {
    let mut next = |below: usize| {
        *random ^= *random >> 12;
        *random ^= *random << 25;
        *random ^= *random >> 27;
        (random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below
    };
    let (a, mut b, mut c) = (next(n), next(n - 1), next(n - 2));
    b += usize::from(b >= a);
    let (low, high) = (a.min(b), a.max(b));
    c += usize::from(c >= low);
    c += usize::from(c >= high);
    [a, b, c]
}

/// The middle value (upper of two); reorders.
fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}
