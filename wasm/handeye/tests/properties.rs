// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! What must hold for any input.

mod common;

use common::Workspace;
use handeye::{off_axis, Options, Pose, Refusal, Solution};
use testkit::{distance, product, Random};

const OPTIONS: Options = Options { reject: true, given_noise: None, gate_z: 3.719, least_motion: 0.0873 };

fn inverse(t: &[f64]) -> [f64; 16] {
    Pose::read(t).inverse().array()
}

/// A small motion: translations within 3 `size`, rotations of as many radians.
fn nudge(random: &mut Random, size: f64) -> [f64; 16] {
    let mut gauss = || (0..6).map(|_| random.range(-0.5, 0.5)).sum::<f64>() * size * 1.4;
    let [x, y, z] = [gauss(), gauss(), gauss()];
    let q = 1.0 / (1.0 + (x * x + y * y + z * z) / 4.0).sqrt();
    let (w, x, y, z) = (q, x / 2.0 * q, y / 2.0 * q, z / 2.0 * q);
    let mut out = [0.0; 16];
    let rows = [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + y * w), gauss()],
        [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x), gauss()],
        [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y), gauss()],
        [0.0, 0.0, 0.0, 1.0],
    ];
    for (row, to) in rows.iter().zip(out.chunks_exact_mut(4)) {
        to.copy_from_slice(row);
    }
    out
}

/// Pairs with A X B = Z up to the noise.
fn pairs(random: &mut Random, n: usize, x: &[f64], z: &[f64], noise: f64) -> (Vec<f64>, Vec<f64>) {
    let (mut a, mut b) = (vec![], vec![]);
    for _ in 0..n {
        let pose = random.rigid(0.5);
        let clean = product(&inverse(&product(&pose, x)), z);
        a.extend(pose);
        b.extend(product(&clean, &nudge(random, noise)));
    }
    (a, b)
}

fn solve(a: &[f64], b: &[f64]) -> Result<Solution, (Refusal, usize)> {
    Workspace::new(a.len() / 16).solve(a, b, &OPTIONS)
}

#[test]
fn exact_loops_are_recovered_by_every_form() {
    let mut random = Random::new(1);
    for i in 0..30 {
        let (x, z) = (random.rigid(0.3), random.rigid(1.0));
        let (a, b) = pairs(&mut random, 5 + i % 30, &x, &z, 0.0);
        let found = solve(&a, &b).unwrap();
        assert!(distance(&found.refined.at.x.array(), &x) < 1e-10, "{found:?}");
        assert!(distance(&found.refined.at.z.array(), &z) < 1e-10);
        for form in [found.park, found.daniilidis, found.shah] {
            assert!(distance(&form.unwrap().x.array(), &x) < 1e-7, "{form:?}");
            assert!(distance(&form.unwrap().z.array(), &z) < 1e-7);
        }
    }
}

#[test]
fn answers_move_with_their_frames() {
    let mut random = Random::new(2);
    for _ in 0..12 {
        let (x, z) = (random.rigid(0.3), random.rigid(1.0));
        let (a, b) = pairs(&mut random, 12, &x, &z, 1e-3);
        let (base, gripper) = (random.rigid(1.0), random.rigid(1.0));
        let plain = solve(&a, &b).unwrap().refined;
        let moved: Vec<f64> = a.chunks_exact(16).flat_map(|t| product(&product(&base, t), &gripper)).collect();
        let other = solve(&moved, &b).unwrap().refined;
        assert!(distance(&product(&gripper, &other.at.x.array()), &plain.at.x.array()) < 1e-8);
        assert!(distance(&other.at.z.array(), &product(&base, &plain.at.z.array())) < 1e-8);
        assert!((other.noise.t / plain.noise.t - 1.0).abs() < 1e-6);
    }
}

#[test]
fn order_does_not_matter() {
    let mut random = Random::new(3);
    for _ in 0..12 {
        let (x, z) = (random.rigid(0.3), random.rigid(1.0));
        let (a, b) = pairs(&mut random, 14, &x, &z, 1e-3);
        let turned = |v: &[f64]| -> Vec<f64> { v.rchunks_exact(16).flatten().copied().collect() };
        let (plain, other) = (solve(&a, &b).unwrap(), solve(&turned(&a), &turned(&b)).unwrap());
        assert!(distance(&plain.refined.at.x.array(), &other.refined.at.x.array()) < 1e-8);
        assert!(distance(&plain.shah.unwrap().x.array(), &other.shah.unwrap().x.array()) < 1e-9);
        assert!(distance(&plain.park.unwrap().x.array(), &other.park.unwrap().x.array()) < 1e-9);
    }
}

#[test]
fn a_third_of_gross_outliers_is_left_out() {
    let mut random = Random::new(4);
    for n in [10, 20, 50] {
        for _ in 0..4 {
            let (x, z) = (random.rigid(0.3), random.rigid(1.0));
            let (a, mut b) = pairs(&mut random, n, &x, &z, 1e-3);
            for i in 0..3 * n / 10 {
                let far = random.rigid(1.0);
                b[48 * i..48 * i + 16].copy_from_slice(&far);
            }
            let mut work = Workspace::new(n);
            let found = work.solve(&a, &b, &OPTIONS).unwrap();
            let good = |i: usize| i % 3 != 0 || i / 3 >= 3 * n / 10;
            assert!((0..n).all(|i| good(i) || work.keep[i] == 0.0));
            assert!((0..n).filter(|i| work.keep[*i] > 0.0).count() + 2 > n - 3 * n / 10);
            assert!(distance(&found.refined.at.x.array(), &x) < 6e-3, "{n}");
        }
    }
}

#[test]
fn one_axis_is_refused_and_its_share_told() {
    let mut random = Random::new(5);
    let (x, z) = (random.rigid(0.3), random.rigid(1.0));
    let (mut a, mut b) = (vec![], vec![]);
    for i in 0..20 {
        let (s, c) = (0.1 * f64::from(i)).sin_cos();
        let mut pose = [c, -s, 0.0, 0.0, s, c, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        (pose[3], pose[7], pose[11]) = (random.range(-0.3, 0.3), random.range(-0.3, 0.3), random.range(-0.3, 0.3));
        a.extend(pose);
        b.extend(product(&inverse(&product(&pose, &x)), &z));
    }
    let mut work = Workspace::new(20);
    assert_eq!(work.solve(&a, &b, &OPTIONS).unwrap_err().0, Refusal::MotionA);
    let about: [f64; 3] = work.motion[..3].try_into().unwrap();
    assert!(about[0] > 0.5 && off_axis(&about) < 1e-6, "{about:?}");
}

#[test]
fn nothing_panics() {
    let mut random = Random::new(6);
    for i in 0..300 {
        let n = i % 9;
        let mut any = |k: usize| -> Vec<f64> {
            let special = [f64::NAN, f64::INFINITY, 1e308, 1e-320, 0.0, 1e8];
            let mut out: Vec<f64> = (0..k).flat_map(|_| random.rigid(1.0)).collect();
            if k > 0 && random.bits() % 2 == 0 {
                let at = (random.bits() % (16 * k as u64)) as usize;
                out[at] = special[(random.bits() % 6) as usize];
            }
            out
        };
        let (a, b) = (any(n), any(n));
        match solve(&a, &b) {
            Err((refusal, _)) if n < 3 => assert_eq!(refusal, Refusal::TooFewPoses),
            Err((refusal, at)) if a.iter().chain(&b).any(|v| !v.is_finite()) => {
                assert!(matches!(refusal, Refusal::NotFinite | Refusal::NotRigid) && at < n);
            }
            Ok(found) => assert!(found.refined.covariance.iter().all(|v| v.is_finite())),
            Err(_) => {}
        }
    }
}
