// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! What must hold for any input.

use calibration::poses::Poses;
use calibration::track::{Signal, Track};
use calibration::{offset, pivot, sphere, spin, Refusal};
use testkit::{product, Random};

const PIVOT: pivot::Demand = pivot::Demand { range: 0.35, swing: 0.035, limit: 4.0 };
const SPIN: spin::Demand = spin::Demand { turn: 0.8, wobble: 0.06, radial: 0.005 };

/// Poses of a tool whose `tip` stays at `place`, turned at will.
fn about(random: &mut Random, n: usize, tip: &[f64; 3], place: &[f64; 3]) -> Vec<f64> {
    let mut poses = Vec::new();
    for _ in 0..n {
        let mut t = random.rigid(0.0);
        for i in 0..3 {
            t[4 * i + 3] = place[i] - (0..3).map(|k| t[4 * i + k] * tip[k]).sum::<f64>();
        }
        poses.extend(t);
    }
    poses
}

fn solve_pivot(poses: &[f64], robust: bool) -> Result<pivot::Pivot, Refusal> {
    let n = poses.len() / 16;
    pivot::solve(Poses(poses), PIVOT, robust, &mut vec![0.0; 4 * n], &mut vec![0.0; 3 * n])
}

#[test]
fn a_pivot_is_recovered_and_outliers_are_left_out() {
    let mut random = Random::new(1);
    for i in 0..60 {
        let n = 8 + i % 30;
        let tip: [f64; 3] = core::array::from_fn(|_| random.range(-0.3, 0.3));
        let place: [f64; 3] = core::array::from_fn(|_| random.range(-2.0, 2.0));
        let mut poses = about(&mut random, n, &tip, &place);
        let plain = solve_pivot(&poses, false).unwrap();
        assert!((plain.tip - nalgebra::Vector3::from(tip)).norm() < 1e-12, "{plain:?}");
        assert!((plain.pivot - nalgebra::Vector3::from(place)).norm() < 1e-12);
        for pose in poses.chunks_exact_mut(16).take(n / 3) {
            pose[3] += random.range(0.01, 0.1);
        }
        let robust = solve_pivot(&poses, true).unwrap();
        assert!((robust.tip - nalgebra::Vector3::from(tip)).norm() < 1e-12, "{robust:?}");
        assert_eq!(robust.inliers, n - n / 3);
    }
}

#[test]
fn a_pivot_moves_with_its_tracker() {
    let mut random = Random::new(2);
    for _ in 0..30 {
        let mut poses = about(&mut random, 20, &[0.1, 0.2, -0.1], &[0.5, 0.1, -1.0]);
        poses.iter_mut().skip(3).step_by(16).for_each(|v| *v += random.range(-1e-3, 1e-3));
        let motion = random.rigid(1.0);
        let moved: Vec<f64> = poses.chunks_exact(16).flat_map(|p| product(&motion, p)).collect();
        let (a, b) = (solve_pivot(&poses, true).unwrap(), solve_pivot(&moved, true).unwrap());
        assert!((a.tip - b.tip).norm() < 1e-10);
        assert!((a.rms - b.rms).abs() < 1e-12);
        assert_eq!(a.inliers, b.inliers);
    }
}

#[test]
fn a_spin_gives_its_axis() {
    let mut random = Random::new(3);
    for _ in 0..60 {
        let (start, tool) = (random.rigid(1.0), random.rigid(0.2));
        let mut poses = Vec::new();
        for i in 0..12 {
            let (s, c) = (f64::from(i) * 0.3).sin_cos();
            let turn = [c, -s, 0.0, 0.0, s, c, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
            poses.extend(product(&product(&start, &turn), &tool));
        }
        let found = spin::solve(Poses(&poses), SPIN, &mut [0.0; 48], &mut [0.0; 12]).unwrap();
        // the axis is z of the turning frame: the third row of the tool's rotation
        let along: f64 = (0..3).map(|k| tool[8 + k] * found.axis[k]).sum();
        assert!((along.abs() - 1.0).abs() < 1e-12);
        assert!(found.wobble < 1e-7 && found.radial < 1e-9, "{found:?}");
        assert!((found.turn - 3.3).abs() < 1e-9);
        for row in 0..2 {
            // a point of the axis has x = y = 0 there
            let off: f64 = (0..3).map(|k| tool[4 * row + k] * found.point[k]).sum::<f64>() + tool[4 * row + 3];
            assert!(off.abs() < 1e-9);
        }
    }
}

#[test]
fn a_sphere_is_recovered() {
    let mut random = Random::new(4);
    for i in 0..100 {
        let (centre, radius) = ([random.range(-2.0, 2.0), random.range(-2.0, 2.0), 0.3], random.range(0.003, 0.5));
        let mut points = Vec::new();
        for _ in 0..8 + i % 40 {
            let ray: [f64; 3] = core::array::from_fn(|_| random.range(-1.0, 1.0));
            let length = ray.iter().map(|v| v * v).sum::<f64>().sqrt();
            points.extend((0..3).map(|k| centre[k] + radius * ray[k] / length));
        }
        let found = sphere::solve(&points, &mut vec![0.0; points.len() / 3]).unwrap();
        assert!((found.radius - radius).abs() < 1e-10, "{found:?}");
        assert!((found.centre - nalgebra::Vector3::from(centre)).norm() < 1e-10);
    }
}

#[test]
fn nothing_panics() {
    let mut random = Random::new(5);
    let special = [f64::NAN, f64::INFINITY, 1e308, 1e-320, 0.0, -0.0, 1.0];
    for i in 0..2000 {
        let n = i % 8;
        let wild = i % 2 == 0;
        let mut any = |k: usize| -> Vec<f64> {
            (0..k)
                .map(|_| {
                    if wild && random.bits() % 9 == 0 {
                        special[(random.bits() % 7) as usize]
                    } else {
                        random.range(-1.0, 1.0)
                    }
                })
                .collect()
        };
        let (poses, points) = (any(16 * n), any(3 * n));
        assert!(solve_pivot(&poses, i % 3 == 0).is_err());
        assert!(spin::solve(Poses(&poses), SPIN, &mut vec![0.0; 4 * n], &mut vec![0.0; n]).is_err());
        if let Ok(found) = sphere::solve(&points, &mut vec![0.0; n]) {
            assert!(n >= 5 && found.radius.is_finite() && found.centre.iter().all(|v| v.is_finite()));
        }
        let (mut fast, mut slow) = (any(5 * n), any(5 * n));
        for rows in [&mut fast, &mut slow] {
            rows.chunks_exact_mut(5).enumerate().for_each(|(k, row)| row[0] = k as f64);
        }
        let (fast, slow) = [&fast, &slow].map(|rows| Track { rows, signal: Signal::Rotation, gap: 2.0 }).into();
        let mut pairs = vec![0.0; 5 * n];
        let count = offset::pair_up(&slow, 1.0, &mut pairs);
        let (mut curve, mut counts) = ([0.0; 3], [0.0; 3]);
        offset::correlate(&fast, &pairs[..5 * count], &[-1.0, 0.0, 1.0], &mut curve, &mut counts, &mut vec![0.0; n]);
        let refined = offset::refine(&fast, &mut pairs[..5 * count], 0.0, 1.0, &mut vec![0.0; n]);
        assert_eq!(refined.unwrap_err(), Refusal::TooFew);
    }
}
