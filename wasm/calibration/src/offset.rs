// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The time offset between two streams of poses, from how fast they move.
//!
//! Every two samples of the slower stream that lie a window apart give one speed; the faster stream is interpolated at the
//! same two times, shifted. No grid, so nothing but the faster stream is interpolated. `correlate` gives Pearson's
//! correlation over shifts; `refine` minimises Huber's loss of slow - (gain fast(shift) + level) by Gauss-Newton steps
//! (Huber, "Robust Statistics", 1981) with an instrumental slope, and its standard error allows for pairs that overlap (Newey and West,
//! Econometrica 55(3), 1987).

use crate::order::quantile;
use crate::track::Track;
use crate::Refusal;
use nalgebra::{Matrix2, Matrix3, Vector2, Vector3};

/// Numbers a pair: start s, end s, speed of the slow stream, of the fast one, weight.
pub const PAIR: usize = 5;
/// Fewer pairs than this say nothing.
pub const LEAST_PAIRS: usize = 20;
/// A pair may be longer than its window by this share before it spans a gap.
const STRETCH: f64 = 1.5;
/// Speeds are cut, for the correlation alone, at this many times the calmer stream's 90th percentile.
const CUT: f64 = 2.0;
/// Huber's limit in standard deviations: 95 % efficient for normal noise.
const HUBER: f64 = 1.345;
const MAD_TO_SIGMA: f64 = 1.482_602_218_505_602;
/// Slopes are taken over these shares of a window to both sides.
const NEAR: f64 = 1.0 / 16.0;
const APART: f64 = 0.5;
const STEPS: usize = 60;

/// `sigma` is one standard error; slow = gain fast + level; `correlation` is weighted as the fit was.
#[derive(Clone, Copy, Debug)]
pub struct Refined {
    pub shift: f64,
    pub sigma: f64,
    pub gain: f64,
    pub level: f64,
    pub correlation: f64,
    pub noise: f64,
    pub outliers: usize,
}

/// Writes the pairs of slow samples that lie `window` (s) or a little more apart; returns how many there are.
pub fn pair_up(slow: &Track, window: f64, pairs: &mut [f64]) -> usize {
    let (mut count, mut end) = (0, 0);
    for start in 0..slow.len() {
        let t = slow.time(start);
        while end < slow.len() && slow.time(end) < t + window * (1.0 - 1e-6) {
            end += 1;
        }
        if end == slow.len() {
            break;
        }
        let length = slow.time(end) - t;
        if length <= STRETCH * window && (start..end).all(|i| slow.time(i + 1) - slow.time(i) <= slow.gap) {
            let speed = slow.moved(&slow.value(start), &slow.value(end)) / length;
            pairs[PAIR * count..PAIR * (count + 1)].copy_from_slice(&[t, slow.time(end), speed, 0.0, 1.0]);
            count += 1;
        }
    }
    count
}

/// Writes the correlation at every lag (s), 0 where it has none, and how many pairs it had. `scratch` holds a number a pair.
pub fn correlate(
    fast: &Track,
    pairs: &[f64],
    lags: &[f64],
    curve: &mut [f64],
    counts: &mut [f64],
    scratch: &mut [f64],
) {
    let cut = CUT * busy(fast, pairs, lags, scratch);
    for ((lag, curve), count) in lags.iter().zip(curve).zip(counts) {
        let mut sums = Sums::default();
        for pair in pairs.chunks_exact(PAIR) {
            if let Some(speed) = fast.speed(pair[0] + lag, pair[1] + lag) {
                sums.add(1.0, speed.min(cut), pair[2].min(cut));
            }
        }
        *count = sums.weight;
        *curve = sums.correlation();
    }
}

/// The lower of the two streams' 90th percentiles, the fast one's at whichever of nine lags covers most pairs: a tenth of
/// spikes in one of them does not raise it.
fn busy(fast: &Track, pairs: &[f64], lags: &[f64], scratch: &mut [f64]) -> f64 {
    let mut count = 0;
    let mut collect = |values: &mut dyn Iterator<Item = f64>| {
        let mut n = 0;
        for value in values {
            scratch[n] = value;
            n += 1;
        }
        (n, quantile(&mut scratch[..n], 0.9))
    };
    let (_, slow) = collect(&mut pairs.chunks_exact(PAIR).map(|p| p[2]));
    let mut busy = slow.unwrap_or(0.0);
    for i in 0..9 {
        let Some(lag) = lags.get(i * lags.len().saturating_sub(1) / 8) else { break };
        let speeds = pairs.chunks_exact(PAIR).filter_map(|p| fast.speed(p[0] + lag, p[1] + lag));
        if let (n, Some(quick)) = collect(&mut { speeds }) {
            if n > count {
                (count, busy) = (n, quick.min(slow.unwrap_or(quick)));
            }
        }
    }
    busy
}

/// Weighted moments of (x, y).
#[derive(Default)]
struct Sums {
    weight: f64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Sums {
    fn add(&mut self, w: f64, x: f64, y: f64) {
        self.weight += w;
        self.x += w * x;
        self.y += w * y;
        self.xx += w * x * x;
        self.yy += w * y * y;
        self.xy += w * x * y;
    }

    fn correlation(&self) -> f64 {
        let (n, tiny) = (self.weight, 1e-12);
        let (xx, yy) = (n * self.xx - self.x * self.x, n * self.yy - self.y * self.y);
        let plain = xx > tiny * n * self.xx && yy > tiny * n * self.yy;
        if plain {
            (n * self.xy - self.x * self.y) / libm::sqrt(xx * yy)
        } else {
            0.0
        }
    }
}

/// Finds the shift within `reach` (s) of `start`. Keeps the pairs that the fast stream covers all over that range, in front;
/// returns how many they are as well. `scratch` holds a number a pair.
pub fn refine(
    fast: &Track,
    pairs: &mut [f64],
    start: f64,
    reach: f64,
    scratch: &mut [f64],
) -> Result<(Refined, usize), Refusal> {
    let count = keep_covered(fast, pairs, start, reach);
    if count < LEAST_PAIRS {
        return Err(Refusal::TooFew);
    }
    let (pairs, scratch) = (&mut pairs[..PAIR * count], &mut scratch[..count]);
    let mut fit = Vector3::new(start, 0.0, 0.0);
    let mut noise = 0.0;
    for step in 0..STEPS {
        evaluate(fast, pairs, fit[0]);
        if step == 0 {
            (fit[1], fit[2]) = line(pairs)?;
        }
        if step < STEPS / 3 {
            noise = spread(pairs, &fit, scratch);
        }
        weigh(pairs, &fit, noise);
        let delta = gauss_newton(fast, pairs, &fit).ok_or(Refusal::Flat)?;
        fit += delta;
        fit[0] = fit[0].clamp(start - reach, start + reach);
        if delta[0].abs() < 1e-10 && step >= STEPS / 3 {
            break;
        }
    }
    evaluate(fast, pairs, fit[0]);
    weigh(pairs, &fit, noise);
    let sigma = standard_error(fast, pairs, &fit, scratch).ok_or(Refusal::Flat)?;
    let mut sums = Sums::default();
    pairs.chunks_exact(PAIR).filter(|p| p[4] > 0.0).for_each(|p| sums.add(p[4], p[3], p[2]));
    let outliers = pairs.chunks_exact(PAIR).filter(|p| p[4] < 0.5).count();
    let (gain, level) = (fit[1], fit[2]);
    Ok((Refined { shift: fit[0], sigma, gain, level, correlation: sums.correlation(), noise, outliers }, count))
}

fn keep_covered(fast: &Track, pairs: &mut [f64], start: f64, reach: f64) -> usize {
    let mut count = 0;
    for i in 0..pairs.len() / PAIR {
        let (t0, t1) = (pairs[PAIR * i], pairs[PAIR * i + 1]);
        // the slope looks a little farther than the shift may go
        let covered = |d: f64| fast.at(t0 + d).is_some() && fast.at(t1 + d).is_some();
        if (-4..=4).all(|i| covered(start + 0.5 * f64::from(i) * reach)) {
            pairs.copy_within(PAIR * i..PAIR * (i + 1), PAIR * count);
            count += 1;
        }
    }
    count
}

fn evaluate(fast: &Track, pairs: &mut [f64], shift: f64) {
    for pair in pairs.chunks_exact_mut(PAIR) {
        // a gap between the places that keep_covered() asked: the pair has no say at this shift
        let speed = fast.speed(pair[0] + shift, pair[1] + shift);
        pair[3] = speed.unwrap_or(f64::NAN);
    }
}

/// Gain and level of the plain least squares line.
fn line(pairs: &[f64]) -> Result<(f64, f64), Refusal> {
    let (mut a, mut b) = (Matrix2::zeros(), Vector2::zeros());
    for p in pairs.chunks_exact(PAIR).filter(|p| p[3].is_finite()) {
        let row = Vector2::new(p[3], 1.0);
        a += row * row.transpose();
        b += row * p[2];
    }
    let solved = a.lu().solve(&b).ok_or(Refusal::Flat)?;
    Ok((solved[0], solved[1]))
}

fn residual(pair: &[f64], fit: &Vector3<f64>) -> f64 {
    pair[2] - (fit[1] * pair[3] + fit[2])
}

fn spread(pairs: &[f64], fit: &Vector3<f64>, scratch: &mut [f64]) -> f64 {
    let mut count = 0;
    for p in pairs.chunks_exact(PAIR).filter(|p| p[3].is_finite()) {
        scratch[count] = residual(p, fit).abs();
        count += 1;
    }
    MAD_TO_SIGMA * quantile(&mut scratch[..count], 0.5).unwrap_or(0.0)
}

fn weigh(pairs: &mut [f64], fit: &Vector3<f64>, noise: f64) {
    for p in pairs.chunks_exact_mut(PAIR) {
        let e = residual(p, fit).abs();
        p[4] = if !e.is_finite() {
            0.0
        } else if e <= HUBER * noise {
            1.0
        } else {
            HUBER * noise / e
        };
    }
}

/// The change of the fast stream's speed with the shift, by a central difference over +-`share` of the window.
fn slope(fast: &Track, pair: &[f64], shift: f64, share: f64) -> f64 {
    let half = share * (pair[1] - pair[0]);
    let at = |d: f64| fast.speed(pair[0] + shift + d, pair[1] + shift + d);
    match (at(half), at(-half)) {
        (Some(after), Some(before)) => (after - before) / (2.0 * half),
        _ => 0.0,
    }
}

/// The linear model of one residual: (slope, fast speed, 1) scaled by the gain; and the instrument that it is weighed with,
/// whose slope is of samples that the fast speed itself has no share in. With its own slope the noise of the fast stream
/// would pull the shift to where interpolation smooths it most: half way between two samples.
fn rows(fast: &Track, pair: &[f64], fit: &Vector3<f64>) -> (Vector3<f64>, Vector3<f64>) {
    let row = |share: f64| Vector3::new(fit[1] * slope(fast, pair, fit[0], share), pair[3], 1.0);
    (row(NEAR), row(APART))
}

fn used<'a>(pairs: &'a [f64]) -> impl Iterator<Item = &'a [f64]> + 'a {
    pairs.chunks_exact(PAIR).filter(|p| p[4] > 0.0)
}

fn gauss_newton(fast: &Track, pairs: &[f64], fit: &Vector3<f64>) -> Option<Vector3<f64>> {
    let (mut a, mut b) = (Matrix3::zeros(), Vector3::zeros());
    for p in used(pairs) {
        let (row, instrument) = rows(fast, p, fit);
        a += instrument * row.transpose() * p[4];
        b += instrument * residual(p, fit) * p[4];
    }
    a.lu().solve(&b).filter(|d| d.iter().all(|v| v.is_finite()))
}

/// Newey and West's, over as many neighbours as share the longest pair.
fn standard_error(fast: &Track, pairs: &[f64], fit: &Vector3<f64>, scratch: &mut [f64]) -> Option<f64> {
    let mut a = Matrix3::zeros();
    for p in used(pairs) {
        let (row, instrument) = rows(fast, p, fit);
        a += instrument * row.transpose() * p[4];
    }
    let inverse = a.try_inverse()?;
    let toward = Vector3::new(inverse[(0, 0)], inverse[(0, 1)], inverse[(0, 2)]);
    let scores = &mut scratch[..pairs.len() / PAIR];
    for (s, p) in scores.iter_mut().zip(pairs.chunks_exact(PAIR)) {
        *s = if p[4] > 0.0 { toward.dot(&rows(fast, p, fit).1) * residual(p, fit) * p[4] } else { 0.0 };
    }
    let mut sum = 0.0;
    for (i, p) in pairs.chunks_exact(PAIR).enumerate() {
        sum += scores[i] * scores[i];
        let length = 2.0 * (p[1] - p[0]);
        let later = pairs[PAIR * (i + 1)..].chunks_exact(PAIR).zip(&scores[i + 1..]);
        for (q, score) in later.take_while(|(q, _)| q[0] - p[0] < length) {
            sum += 2.0 * (1.0 - (q[0] - p[0]) / length) * scores[i] * score;
        }
    }
    (sum.is_finite() && sum >= 0.0).then(|| libm::sqrt(sum))
}
