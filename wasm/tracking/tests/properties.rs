// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! What must hold for any pair of poses.

use testkit::{distance, product, Random};
use tracking::interpolate;

fn between(a: &[f64], b: &[f64], alpha: f64) -> [f64; 16] {
    let mut out = [0.0; 16];
    interpolate(a, b, &[alpha], &mut out).unwrap();
    out
}

#[test]
fn the_ends_are_met_and_halves_add_up() {
    let mut random = Random::new(5);
    for _ in 0..1000 {
        let (a, b) = (random.rigid(1.0), random.rigid(1.0));
        assert!(distance(&between(&a, &b, 0.0), &a) < 1e-12);
        assert!(distance(&between(&a, &b, 1.0), &b) < 1e-10);
        let alpha = random.range(0.0, 1.0);
        let middle = between(&a, &b, alpha);
        let there = between(&a, &middle, 0.5);
        assert!(distance(&there, &between(&a, &b, 0.5 * alpha)) < 1e-9);
    }
}

#[test]
fn both_sides_may_be_moved() {
    let mut random = Random::new(6);
    for _ in 0..1000 {
        let (a, b, left, right) = (random.rigid(1.0), random.rigid(1.0), random.rigid(1.0), random.rigid(1.0));
        let alpha = random.range(0.0, 1.0);
        let plain = between(&a, &b, alpha);
        let moved = between(&product(&left, &a), &product(&left, &b), alpha);
        assert!(distance(&moved, &product(&left, &plain)) < 1e-9);
        let other = between(&product(&a, &right), &product(&b, &right), alpha);
        assert!(distance(&other, &product(&plain, &right)) < 1e-6);
    }
}

#[test]
fn the_way_back_is_the_same() {
    let mut random = Random::new(7);
    for _ in 0..1000 {
        let (a, b) = (random.rigid(1.0), random.rigid(1.0));
        let alpha = random.range(0.0, 1.0);
        assert!(distance(&between(&a, &b, alpha), &between(&b, &a, 1.0 - alpha)) < 1e-6);
    }
}
