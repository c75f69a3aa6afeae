// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! What must hold for any input of the kernels beside `solve`.

use registration::{consensus, leave_one_out, match_unordered, solve, solve_anisotropic, Refusal, MOST, UNPAIRED};
use testkit::{distance, product, transform, Random};

const TAU: f64 = 0.003;

fn points(random: &mut Random, n: usize) -> Vec<f64> {
    (0..3 * n).map(|_| random.range(-0.1, 0.1)).collect()
}

fn shaken(random: &mut Random, points: &[f64], by: f64) -> Vec<f64> {
    points.iter().map(|v| v + random.range(-by, by)).collect()
}

/// Row-major covariance with standard deviations of up to `most` along axes of its own.
fn covariance(random: &mut Random, most: f64) -> Vec<f64> {
    let (r, d) = (random.rigid(0.0), [0, 1, 2].map(|_| random.range(0.05, 1.0) * most));
    let at = |i: usize, k: usize| (0..3).map(|j| r[4 * i + j] * d[j] * d[j] * r[4 * k + j]).sum();
    (0..9).map(|k| at(k / 3, k % 3)).collect()
}

#[test]
fn leaving_out_is_a_fit_without_the_point() {
    let mut random = Random::new(1);
    for i in 0..100 {
        let n = 4 + i % 20;
        let moving = points(&mut random, n);
        let fixed = shaken(&mut random, &transform(&random_motion(i), &moving), 1e-3);
        let weights: Vec<f64> = (0..n).map(|_| random.range(0.1, 5.0)).collect();
        let mut errors = vec![0.0; 3 * n];
        leave_one_out(&fixed, &moving, &weights, &mut errors).unwrap();
        let mut others = weights.clone();
        others[1] = 0.0;
        let mut residuals = vec![0.0; 3 * n];
        match solve(&fixed, &moving, &others, &mut residuals) {
            Ok(fit) => assert!(distance(&errors[3..6], &residuals[3..6]) < 1e-11 / (fit.spread[1] / fit.spread[0])),
            Err(_) => assert!(errors[3..6].iter().all(|v| v.is_nan())),
        }
    }
}

fn random_motion(seed: usize) -> [f64; 16] {
    Random::new(seed as u64 + 77).rigid(1.0)
}

#[test]
fn equal_noise_is_horns_fit() {
    let mut random = Random::new(2);
    for i in 0..50 {
        let n = 4 + i % 10;
        let moving = points(&mut random, n);
        let fixed = shaken(&mut random, &transform(&random_motion(i), &moving), 1e-3);
        let covariances: Vec<f64> = (0..9 * n).map(|k| if k % 9 % 4 == 0 { 1e-6 } else { 0.0 }).collect();
        let (mut weights, mut residuals) = (vec![0.0; n], vec![0.0; 3 * n]);
        let fit = solve_anisotropic(&fixed, &moving, &covariances, &covariances, &mut weights, &mut residuals).unwrap();
        let horn = solve(&fixed, &moving, &vec![1.0; n], &mut residuals).unwrap();
        assert!(distance(&fit.transform, &horn.transform) < 1e-9, "{i}");
        let squared: f64 = residuals.iter().map(|v| v * v).sum();
        assert!((fit.cost - squared / 2e-6).abs() < 1e-6 * fit.cost);
    }
}

#[test]
fn the_anisotropic_fit_is_a_minimum_and_moves_with_its_points() {
    let mut random = Random::new(3);
    for i in 0..40 {
        let n = 5 + i % 6;
        let moving = points(&mut random, n);
        let fixed = shaken(&mut random, &moving, 2e-3);
        let (a, zero) = ((0..n).flat_map(|_| covariance(&mut random, 1e-3)).collect::<Vec<_>>(), vec![0.0; 9 * n]);
        let (mut weights, mut residuals) = (vec![0.0; n], vec![0.0; 3 * n]);
        let best = solve_anisotropic(&fixed, &moving, &zero, &a, &mut weights, &mut residuals).unwrap();
        // the same seen from the other side: the inverse motion, and the same sum
        let back = solve_anisotropic(&moving, &fixed, &a, &zero, &mut weights, &mut residuals).unwrap();
        let identity: Vec<f64> = (0..16).map(|k| f64::from(u8::from(k % 5 == 0))).collect();
        assert!(distance(&product(&best.transform, &back.transform), &identity) < 1e-9, "{i}");
        assert!((best.cost - back.cost).abs() < 1e-9 * best.cost.max(1.0));
        // moving all moving points leaves their covariances turned: the sum stays as it is when both are undone
        let motion = random.rigid(0.5);
        let moved = solve_anisotropic(&transform(&motion, &fixed), &moving, &zero, &a, &mut weights, &mut residuals);
        let moved = moved.unwrap();
        assert!(distance(&moved.transform, &product(&motion, &best.transform)) < 1e-9, "{i}");
        assert!((moved.cost - best.cost).abs() < 1e-9 * best.cost.max(1.0));
    }
}

#[test]
fn gross_outliers_are_found_exactly() {
    let mut random = Random::new(4);
    for i in 0..200 {
        let n = 6 + i % (MOST - 5);
        let outliers = 3 * n / 10;
        let moving = points(&mut random, n);
        let mut fixed = shaken(&mut random, &transform(&random_motion(i), &moving), 0.5 * TAU);
        for f in fixed[..3 * outliers].iter_mut() {
            *f += random.range(0.02, 0.2);
        }
        let found = consensus(&fixed, &moving, TAU).unwrap();
        assert_eq!(found.members, (u64::MAX >> (64 - n)) & !((1 << outliers) - 1), "{n} points");
        assert_eq!(found.count as usize, n - outliers);
    }
}

#[test]
fn points_in_no_order_are_matched() {
    let mut random = Random::new(5);
    for i in 0..100 {
        let n = 5 + i % 16;
        let moving = points(&mut random, n);
        let mut fixed = shaken(&mut random, &transform(&random_motion(i), &moving), 2e-4);
        fixed.rotate_left(3 * (i % n));
        let missing = &moving[3..];
        let found = match_unordered(&fixed, missing, 1e-3).unwrap();
        if found.ambiguous {
            assert!(n < 7, "{n} random points are ambiguous");
            continue;
        }
        assert_eq!(found.count as usize, n - 1);
        for (j, partner) in found.partner[..n - 1].iter().enumerate() {
            assert_eq!(*partner as usize, (j + 1 + n - i % n) % n);
        }
        assert!(found.partner[n - 1..].iter().all(|p| *p == UNPAIRED));
    }
}

#[test]
fn what_is_too_large_is_refused_by_name() {
    let mut random = Random::new(6);
    let many = points(&mut random, MOST + 1);
    assert_eq!(consensus(&many, &many, TAU).unwrap_err(), Refusal::TooManyPoints);
    assert_eq!(match_unordered(&many, &many[..30], TAU).unwrap_err(), Refusal::TooManyPoints);
    // all within reach of each other: every order fits
    let blob: Vec<f64> = many[..3 * MOST].iter().map(|v| v * 0.02).collect();
    assert_eq!(match_unordered(&blob, &blob, 0.01).unwrap_err(), Refusal::SearchTooLarge);
    // noise beside which the threshold is far too small, in many points
    let noisy = shaken(&mut random, &many[..3 * MOST], 2.2 * TAU);
    let refusal = consensus(&noisy, &many[..3 * MOST], 1.45 * TAU).unwrap_err();
    assert!(matches!(refusal, Refusal::SearchTooLarge | Refusal::NoConsensus), "{refusal:?}");
}

#[test]
fn nothing_panics() {
    let mut random = Random::new(7);
    let special = [f64::NAN, f64::INFINITY, 1e308, 1e9, 1e-320, 0.0, -0.0, 1.0];
    for i in 0..2000 {
        let n = i % 7;
        let mut any = |k: usize| -> Vec<f64> {
            let mut one = || match random.bits() % 6 {
                0 => special[(random.bits() % 8) as usize],
                _ => random.range(-1.0, 1.0),
            };
            (0..k).map(|_| one()).collect()
        };
        let (fixed, moving, weights, c) = (any(3 * n), any(3 * n), any(n), any(9 * n));
        let mut out = vec![0.0; 3 * n];
        let _ = leave_one_out(&fixed, &moving, &weights, &mut out);
        if let Ok(fit) = solve_anisotropic(&fixed, &moving, &c, &c, &mut vec![0.0; n], &mut out) {
            assert!(fit.transform.iter().chain(&fit.covariance).all(|v| v.is_finite()));
        }
        for tau in [1e-3, 0.5, f64::NAN, 0.0, -1.0, 1e300] {
            let found = (consensus(&fixed, &moving, tau), match_unordered(&fixed, &moving, tau));
            if !(tau > 0.0 && tau <= 1e9) && n > 2 {
                assert!(found.0.is_err() && found.1.is_err());
            }
        }
    }
}
