// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Every point's error under the fit of the others: Horn on moments from which one point is taken away, linear in the points.

use crate::cloud::Cloud;
use crate::{check, check_spread, rotation, Refusal};
use nalgebra::{Matrix3, Vector3};

/// What is left of the weights once a point is gone must be more than this share: else it alone made the fit.
const LEFT: f64 = 1e-9;

/// Weighted sums about an origin near the points.
struct Moments {
    weight: f64,
    fixed: Vector3<f64>,
    moving: Vector3<f64>,
    fixed_fixed: Matrix3<f64>,
    moving_moving: Matrix3<f64>,
    moving_fixed: Matrix3<f64>,
}

impl Moments {
    fn zero() -> Self {
        let (v, m) = (Vector3::zeros(), Matrix3::zeros());
        Moments { weight: 0.0, fixed: v, moving: v, fixed_fixed: m, moving_moving: m, moving_fixed: m }
    }

    fn plus(&self, f: &Vector3<f64>, m: &Vector3<f64>, w: f64) -> Self {
        Moments {
            weight: self.weight + w,
            fixed: self.fixed + f * w,
            moving: self.moving + m * w,
            fixed_fixed: self.fixed_fixed + f * f.transpose() * w,
            moving_moving: self.moving_moving + m * m.transpose() * w,
            moving_fixed: self.moving_fixed + m * f.transpose() * w,
        }
    }

    /// Rotation, centre of the moving points and centre of the fixed ones.
    fn fit(&self) -> Result<(Matrix3<f64>, Vector3<f64>, Vector3<f64>), Refusal> {
        let (cf, cm) = (self.fixed / self.weight, self.moving / self.weight);
        let to = Cloud::of_moments(self.weight, cf, self.fixed_fixed / self.weight - cf * cf.transpose());
        let from = Cloud::of_moments(self.weight, cm, self.moving_moving / self.weight - cm * cm.transpose());
        check_spread(&from, &to)?;
        let cross = (self.moving_fixed / self.weight - cm * cf.transpose()) / (from.size() * to.size());
        Ok((rotation(&from, &to, &cross)?, cm, cf))
    }
}

/// Writes fixed - T moving into `errors` (3n), T being the fit without that point: NaN where that fit is refused, as `solve`
/// refuses it, or where the point carries no weight.
pub fn leave_one_out(fixed: &[f64], moving: &[f64], weights: &[f64], errors: &mut [f64]) -> Result<(), Refusal> {
    check(fixed, moving, weights)?;
    let (of, om) = (Cloud::new(fixed, weights).centre, Cloud::new(moving, weights).centre);
    let point = |p: &[f64], o: &Vector3<f64>| Vector3::new(p[0], p[1], p[2]) - o;
    let pairs = || fixed.chunks_exact(3).zip(moving.chunks_exact(3)).zip(weights);
    let all = pairs().fold(Moments::zero(), |sum, ((f, m), w)| sum.plus(&point(f, &of), &point(m, &om), *w));
    let used = weights.iter().filter(|w| **w > 0.0).count();
    for (((f, m), w), out) in pairs().zip(errors.chunks_exact_mut(3)) {
        let (f, m) = (point(f, &of), point(m, &om));
        let rest = all.plus(&f, &m, -*w);
        let possible = used > 3 && *w > 0.0 && rest.weight > LEFT * all.weight;
        match rest.fit() {
            Ok((r, cm, cf)) if possible => out.copy_from_slice((f - cf - r * (m - cm)).as_slice()),
            _ => out.fill(f64::NAN),
        }
    }
    Ok(())
}
