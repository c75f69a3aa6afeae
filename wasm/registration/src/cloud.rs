// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Weighted moments of one point cloud.

use nalgebra::{Matrix3, SymmetricEigen, Vector3};

/// Weighted centre, and the square roots of the weighted covariance's eigenvalues, descending.
pub struct Cloud {
    pub weight: f64,
    pub centre: Vector3<f64>,
    pub spread: [f64; 3],
}

impl Cloud {
    /// `points` holds 3n finite numbers, `weights` n of which one is positive.
    pub fn new(points: &[f64], weights: &[f64]) -> Self {
        let weight = weights.iter().sum::<f64>();
        let rows = || points.chunks_exact(3).zip(weights).map(|(p, w)| (Vector3::new(p[0], p[1], p[2]), *w / weight));
        let centre = rows().fold(Vector3::zeros(), |sum, (p, w)| sum + p * w);
        let covariance = rows().fold(Matrix3::zeros(), |sum, (p, w)| sum + (p - centre) * (p - centre).transpose() * w);
        Cloud::of_moments(weight, centre, covariance)
    }

    /// From the moments themselves.
    pub fn of_moments(weight: f64, centre: Vector3<f64>, covariance: Matrix3<f64>) -> Self {
        Cloud { weight, centre, spread: roots(covariance) }
    }

    /// Root mean square distance from the centre.
    pub fn size(&self) -> f64 {
        libm::sqrt(self.spread.iter().map(|s| s * s).sum())
    }
}

fn roots(covariance: Matrix3<f64>) -> [f64; 3] {
    let mut values: [f64; 3] = SymmetricEigen::new(covariance).eigenvalues.into();
    values.sort_unstable_by(|a, b| b.total_cmp(a));
    values.map(|v| libm::sqrt(v.max(0.0)))
}
