// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! What a pose is worth: residuals, overlap, free directions and covariance.
//!
//! Covariance of an M-estimate: Huber, "Robust Statistics" (1981), section 7.6; of generalised ICP, whose matrices are no
//! noise model, the sandwich of White, Econometrica 48(4), 1980. Both take the residuals of different points as independent.

use crate::align::{Outcome, Settings};
use crate::loss::Loss;
use crate::pairs::Pairs;
use crate::system::{directions, jacobian, linearise, pair, turned_normal, Method, Row, Source, System};
use crate::vector::{add, cross, dot, scale, V3};
use nalgebra::{Matrix6, SymmetricEigen};

/// Below this mean squared share of the normals a direction is free: the surface slides.
pub const FREE: f64 = 1e-3;

/// `information` are the mean squares of the residuals' slopes in six directions of unit size, ascending, turns measured at the
/// source's rms radius `arm`; `directions` are those directions in rows: shift, turn.
pub struct Evidence {
    pub inliers: usize,
    pub rms: f64,
    pub rms_distance: f64,
    pub noise: f64,
    pub score: f64,
    pub arm: f64,
    pub information: [f64; 6],
    pub directions: [Row; 6],
    pub covariance: [Row; 6],
}

/// Judges the outcome with the pairs of its last step; `pose` is where the result's origin lies, relative to the centroid.
pub fn judge(source: &Source, pairs: &Pairs, outcome: &Outcome, settings: &Settings, pose: &V3) -> Option<Evidence> {
    let loss = Loss::new(settings.loss, outcome.sigma);
    let total = source.points.len() / 3;
    let (mut plain, mut meat) = (System::default(), [[0.0; 6]; 6]);
    let (mut inliers, mut planes) = (0usize, 0usize);
    let (mut squares, mut distances, mut arms, mut psi2) = (0.0, 0.0, 0.0, 0.0);
    let (mut slope, mut slope2) = (0.0, 0.0);
    for i in 0..total {
        let Some(p) = pair(source, pairs, &outcome.motion, i) else { continue };
        let (_, weight, bend) = loss.at(p.residual);
        inliers += 1;
        squares += p.residual * p.residual;
        distances += dot(&p.gap, &p.gap);
        arms += dot(&p.arm, &p.arm);
        if p.normal != [0.0; 3] {
            planes += 1;
            psi2 += weight * weight * p.residual * p.residual;
            slope += bend;
            slope2 += bend * bend;
            plain.add(&jacobian(&p.normal, &p.arm), 1.0, p.residual);
        }
        if settings.method == Method::Gicp {
            add_outer(
                &mut meat,
                &gradient(&p.gap, &p.arm, weight, &p.normal, &turned_normal(source, &outcome.motion, i)),
            );
        }
    }
    if planes < 6 {
        return None;
    }
    let (n, found) = (inliers as f64, planes as f64);
    let freedom = (found - 6.0).max(1.0);
    let arm = libm::sqrt(arms / n).max(1e-12);
    let (information, directions) = shape(&plain.h, found, arm);
    // Huber's correction for few points: the variance of the loss's curvature
    let flat = (slope / found).max(1e-3);
    let few = 1.0 + 6.0 / found * (slope2 / found - flat * flat).max(0.0) / (flat * flat);
    let variance = psi2 / freedom * (few / flat) * (few / flat);
    let about = match settings.method {
        Method::PointToPlane => inverse(&plain.h).map(|m| m * variance),
        Method::Gicp => {
            let bread = inverse(&linearise(source, pairs, &outcome.motion, settings.method, &loss).h);
            bread.map(|b| b * matrix(&meat) * b * (found / freedom))
        }
    };
    Some(Evidence {
        inliers,
        rms: libm::sqrt(squares / n),
        rms_distance: libm::sqrt(distances / n),
        noise: libm::sqrt(variance),
        score: libm::sqrt((squares + (total - inliers) as f64 * settings.reach * settings.reach) / total as f64),
        arm,
        information,
        directions,
        covariance: at_pose(about.unwrap_or(Matrix6::from_element(f64::INFINITY)), pose),
    })
}

fn gradient(gap: &V3, arm: &V3, weight: f64, n: &V3, m: &V3) -> Row {
    let mut force = *gap;
    for (u, k) in directions(n, m) {
        force = add(&force, &scale(&u, k * dot(&u, gap)));
    }
    let force = scale(&force, 0.5 * weight);
    let turn = cross(arm, &force);
    [force[0], force[1], force[2], turn[0], turn[1], turn[2]]
}

fn add_outer(sum: &mut [Row; 6], a: &Row) {
    for i in 0..6 {
        for j in 0..6 {
            sum[i][j] += a[i] * a[j];
        }
    }
}

fn matrix(rows: &[Row; 6]) -> Matrix6<f64> {
    Matrix6::from_fn(|i, j| rows[i][j])
}

fn inverse(h: &[Row; 6]) -> Option<Matrix6<f64>> {
    matrix(h).cholesky().map(|c| c.inverse())
}

/// Eigenvalues of the mean information, ascending, and their directions, turns at the radius `arm`.
fn shape(h: &[Row; 6], count: f64, arm: f64) -> ([f64; 6], [Row; 6]) {
    let size = |i: usize| if i < 3 { 1.0 } else { 1.0 / arm };
    let eigen = SymmetricEigen::new(Matrix6::from_fn(|i, j| h[i][j] * size(i) * size(j) / count));
    let mut order = [0, 1, 2, 3, 4, 5];
    order.sort_unstable_by(|a, b| eigen.eigenvalues[*a].total_cmp(&eigen.eigenvalues[*b]));
    let values = order.map(|k| eigen.eigenvalues[k]);
    (values, order.map(|k| core::array::from_fn(|i| eigen.eigenvectors[(i, k)])))
}

/// From a shift of the centroid to a shift of the pose's origin, which a turn about the centroid moves too.
fn at_pose(about: Matrix6<f64>, pose: &V3) -> [Row; 6] {
    let [x, y, z] = *pose;
    let mut carry = Matrix6::identity();
    for (r, c, v) in [(0, 4, z), (0, 5, -y), (1, 3, -z), (1, 5, x), (2, 3, y), (2, 4, -x)] {
        carry[(r, c)] = v;
    }
    let moved = carry * about * carry.transpose();
    core::array::from_fn(|i| core::array::from_fn(|j| moved[(i, j)]))
}
