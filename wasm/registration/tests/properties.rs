// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! What must hold for any input.

use registration::{solve, Fit, Refusal};
use testkit::{distance, product, transform, Random};

fn points(random: &mut Random, n: usize) -> Vec<f64> {
    (0..3 * n).map(|_| random.range(-0.2, 0.2)).collect()
}

fn fit(fixed: &[f64], moving: &[f64], weights: &[f64]) -> Result<Fit, Refusal> {
    solve(fixed, moving, weights, &mut vec![0.0; fixed.len()])
}

#[test]
fn an_exact_motion_is_recovered() {
    let mut random = Random::new(1);
    for i in 0..500 {
        let n = 3 + i % 20;
        let (moving, motion) = (points(&mut random, n), random.rigid(1.0));
        let weights: Vec<f64> = (0..n).map(|_| random.range(0.1, 5.0)).collect();
        let found = fit(&transform(&motion, &moving), &moving, &weights);
        match found {
            Ok(found) => {
                // a nearly collinear triple leaves its own axis to rounding
                let limit = 1e-12 / (found.spread[1] / found.spread[0]).powi(2);
                assert!(distance(&found.transform, &motion) < limit.max(1e-11), "{found:?}");
                assert!(found.fre < 1e-12);
            }
            Err(refusal) => assert_eq!((refusal, n), (Refusal::Collinear, 3)),
        }
    }
}

#[test]
fn noisy_fits_move_with_their_points() {
    let mut random = Random::new(2);
    for _ in 0..200 {
        let moving = points(&mut random, 10);
        let fixed: Vec<f64> = moving.iter().map(|v| v + random.range(-1e-3, 1e-3)).collect();
        let (a, b) = (random.rigid(1.0), random.rigid(1.0));
        let weights = vec![1.0; 10];
        let plain = fit(&fixed, &moving, &weights).unwrap();
        let moved = fit(&transform(&a, &fixed), &transform(&b, &moving), &weights).unwrap();
        let expected = product(&a, &plain.transform);
        assert!(distance(&product(&moved.transform, &b), &expected) < 1e-10);
        assert!((moved.fre - plain.fre).abs() < 1e-12);
    }
}

#[test]
fn the_fit_is_a_minimum() {
    let mut random = Random::new(3);
    let cost = |t: &[f64], fixed: &[f64], moving: &[f64], weights: &[f64]| -> f64 {
        let moved = transform(t, moving);
        let squared = fixed.iter().zip(&moved).map(|(f, m)| (f - m) * (f - m));
        squared.zip(weights.iter().flat_map(|w| [w; 3])).map(|(s, w)| w * s).sum()
    };
    for _ in 0..100 {
        let moving = points(&mut random, 6);
        let fixed: Vec<f64> = moving.iter().map(|v| v + random.range(-0.01, 0.01)).collect();
        let weights: Vec<f64> = (0..6).map(|_| random.range(0.2, 3.0)).collect();
        let best = fit(&fixed, &moving, &weights).unwrap();
        let least = cost(&best.transform, &fixed, &moving, &weights);
        for _ in 0..20 {
            let mut nudged = best.transform;
            let angle: f64 = random.range(-1e-3, 1e-3);
            for row in 0..3 {
                let (x, y) = (nudged[4 * row], nudged[4 * row + 1]);
                nudged[4 * row] = x * angle.cos() - y * angle.sin();
                nudged[4 * row + 1] = x * angle.sin() + y * angle.cos();
                nudged[4 * row + 3] += random.range(-1e-4, 1e-4);
            }
            assert!(cost(&nudged, &fixed, &moving, &weights) >= least);
        }
    }
}

#[test]
fn nothing_panics_and_refusals_keep_their_order() {
    let mut random = Random::new(4);
    for i in 0..3000 {
        let n = i % 7;
        let special = [f64::NAN, f64::INFINITY, 1e308, 1e-320, 0.0, -0.0, 1.0];
        let mut any = |k: usize| -> Vec<f64> {
            (0..k)
                .map(|_| {
                    if random.bits() % 6 == 0 {
                        special[(random.bits() % 7) as usize]
                    } else {
                        random.range(-1.0, 1.0)
                    }
                })
                .collect()
        };
        let (fixed, moving, weights) = (any(3 * n), any(3 * n), any(n));
        let outcome = fit(&fixed, &moving, &weights);
        if n < 3 {
            assert_eq!(outcome.unwrap_err(), Refusal::TooFewPoints);
        } else if fixed.iter().chain(&moving).any(|v| !v.is_finite() || v.abs() > 1e9) {
            assert_eq!(outcome.unwrap_err(), Refusal::NotFinite);
        } else if weights.iter().any(|w| *w < 0.0) || !weights.iter().sum::<f64>().is_finite() {
            assert_eq!(outcome.unwrap_err(), Refusal::BadWeight);
        } else if let Ok(found) = outcome {
            assert!(found.transform.iter().all(|v| v.is_finite()), "{fixed:?} {moving:?} {weights:?}");
        }
    }
}
