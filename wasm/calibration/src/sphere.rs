// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! A sphere through points: least squares of the squared distances (algebraic) to start from, then of the distances
//! (geometric) by Levenberg-Marquardt; Eberly, "Least squares fitting of data by linear or quadratic structures", 1999.

use crate::poses::FARTHEST_M;
use crate::Refusal;
use nalgebra::{Matrix3, Matrix4, SymmetricEigen, Vector3, Vector4};

pub const LEAST: usize = 5;
/// Below this rms radius (m) a cloud is one point.
const COINCIDENT_M: f64 = 1e-6;
/// Third singular value of the centred points below this share of the first: a plane or a line.
pub const COPLANAR: f64 = 1e-3;
/// Least eigenvalue of the mean of (u, 1)(u, 1)^T, u the unit normals: 1/3 for a whole sphere, 1e-5 for a cap of 8 degrees
/// about its middle.
pub const ILL: f64 = 1e-5;
const ROUNDS: usize = 100;

/// Metres. `inverse` times the noise's variance is the covariance of (centre, radius).
#[derive(Clone, Copy, Debug)]
pub struct Sphere {
    pub centre: Vector3<f64>,
    pub radius: f64,
    pub rms: f64,
    pub max: f64,
    pub condition: f64,
    pub inverse: Matrix4<f64>,
}

/// `residuals` gets the signed distance from the surface, a number a point.
pub fn solve(points: &[f64], residuals: &mut [f64]) -> Result<Sphere, Refusal> {
    let n = points.len() / 3;
    if n < LEAST {
        return Err(Refusal::TooFew);
    }
    if !points.iter().all(|v| v.abs() <= FARTHEST_M) {
        return Err(Refusal::NotFinite);
    }
    let (middle, size) = place(points)?;
    let start = algebraic(points, &middle, size).ok_or(Refusal::IllConditioned)?;
    let fit = geometric(points, &middle, size, start).ok_or(Refusal::IllConditioned)?;
    let (normal, _, cost) = normal_equations(points, &middle, size, &fit);
    let condition = SymmetricEigen::new(normal / n as f64).eigenvalues.min();
    if condition < ILL {
        return Err(Refusal::IllConditioned);
    }
    let inverse = normal.try_inverse().ok_or(Refusal::IllConditioned)?;
    let (centre, radius) = (middle + fit.xyz() * size, fit[3] * size);
    let mut max = 0.0_f64;
    for (p, r) in points.chunks_exact(3).zip(residuals) {
        *r = (Vector3::new(p[0], p[1], p[2]) - centre).norm() - radius;
        max = max.max(r.abs());
    }
    Ok(Sphere { centre, radius, rms: size * libm::sqrt(cost / n as f64), max, condition, inverse })
}

/// The centre of gravity and the rms distance from it.
fn place(points: &[f64]) -> Result<(Vector3<f64>, f64), Refusal> {
    let rows = || points.chunks_exact(3).map(|p| Vector3::new(p[0], p[1], p[2]));
    let n = (points.len() / 3) as f64;
    let middle = rows().fold(Vector3::zeros(), |sum, p| sum + p) / n;
    let spread = rows().fold(Matrix3::zeros(), |sum, p| sum + (p - middle) * (p - middle).transpose()) / n;
    let size = libm::sqrt(spread.trace());
    if size < COINCIDENT_M {
        return Err(Refusal::Repeated);
    }
    let values = SymmetricEigen::new(spread).eigenvalues;
    if values.min() < COPLANAR * COPLANAR * values.max() {
        return Err(Refusal::Coplanar);
    }
    Ok((middle, size))
}

fn scaled(p: &[f64], middle: &Vector3<f64>, size: f64) -> Vector3<f64> {
    (Vector3::new(p[0], p[1], p[2]) - middle) / size
}

/// |q|^2 = 2 c q + (r^2 - |c|^2) is linear in c and in the bracket.
fn algebraic(points: &[f64], middle: &Vector3<f64>, size: f64) -> Option<Vector4<f64>> {
    let (mut a, mut b) = (Matrix4::zeros(), Vector4::zeros());
    for p in points.chunks_exact(3) {
        let q = scaled(p, middle, size);
        let row = Vector4::new(2.0 * q[0], 2.0 * q[1], 2.0 * q[2], 1.0);
        a += row * row.transpose();
        b += row * q.norm_squared();
    }
    let x = a.lu().solve(&b)?;
    let radius = libm::sqrt(x[3] + x.xyz().norm_squared());
    radius.is_finite().then(|| Vector4::new(x[0], x[1], x[2], radius))
}

/// Normal equations of the distances for (centre, radius), the right hand side, and the sum of squares.
fn normal_equations(
    points: &[f64],
    middle: &Vector3<f64>,
    size: f64,
    fit: &Vector4<f64>,
) -> (Matrix4<f64>, Vector4<f64>, f64) {
    let (mut a, mut b, mut cost) = (Matrix4::zeros(), Vector4::zeros(), 0.0);
    for p in points.chunks_exact(3) {
        let ray = scaled(p, middle, size) - fit.xyz();
        let length = ray.norm();
        let u = if length > 0.0 { ray / length } else { Vector3::zeros() };
        let (row, e) = (Vector4::new(u[0], u[1], u[2], 1.0), length - fit[3]);
        a += row * row.transpose();
        b += row * e;
        cost += e * e;
    }
    (a, b, cost)
}

fn geometric(points: &[f64], middle: &Vector3<f64>, size: f64, start: Vector4<f64>) -> Option<Vector4<f64>> {
    let (mut fit, mut damping) = (start, 1e-6);
    for _ in 0..ROUNDS {
        let (a, b, cost) = normal_equations(points, middle, size, &fit);
        let damped = a + Matrix4::from_diagonal(&a.diagonal()) * damping;
        let step = damped.cholesky()?.solve(&b);
        let next = fit + step;
        if normal_equations(points, middle, size, &next).2 <= cost {
            fit = next;
            damping = (damping * 0.1).max(1e-15);
            if step.norm() < 1e-13 * (1.0 + fit.norm()) {
                break;
            }
        } else {
            damping *= 10.0;
            if damping > 1e6 {
                break;
            }
        }
    }
    fit.iter().all(|v| v.is_finite()).then_some(fit)
}
