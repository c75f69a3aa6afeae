// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! What must hold for any input.

mod common;

use common::{prepare_cloud, prepare_mesh, register};
use surface::{closest, least, Kind, Method, Neighbours, Refusal, Settings, Wish, NONE};
use testkit::{distance, product, transform, Random};

const WISH: Wish = Wish { cell: 0.0, neighbours: 8, centroid: false, tree: true };

fn points(random: &mut Random, n: usize, size: f64) -> Vec<f64> {
    (0..3 * n).map(|_| random.range(-size, size)).collect()
}

/// A surface without symmetry over a square, as a grid of n by n points.
fn sheet(n: usize) -> Vec<f64> {
    let at = |i: usize| 0.2 * i as f64 / (n - 1) as f64 - 0.1;
    let height = |x: f64, y: f64| 0.03 * (40.0 * x).sin() + 0.02 * (31.0 * y + 1.0).cos() + 1.5 * x * y + x * x;
    (0..n * n).flat_map(|i| [at(i % n), at(i / n), height(at(i % n), at(i / n))]).collect()
}

fn d2(a: &[f64], b: &[f64]) -> f64 {
    (0..3).map(|k| (a[k] - b[k]) * (a[k] - b[k])).sum()
}

#[test]
fn the_nearest_are_those_of_a_full_search() {
    let mut random = Random::new(1);
    for n in [6, 7, 8, 9, 16, 17, 63, 64, 65, 300, 1000] {
        let prepared = prepare_cloud(&points(&mut random, n, 1.0), &WISH).unwrap();
        let kept = &prepared.points[..3 * n];
        let queries = points(&mut random, 50, 2.0);
        let (index, _) = prepared.partners(&queries, f64::INFINITY);
        for (q, found) in queries.chunks_exact(3).zip(&index) {
            let mut all: Vec<f64> = kept.chunks_exact(3).map(|p| d2(p, q)).collect();
            let nearest = d2(&kept[3 * *found as usize..], q);
            all.sort_by(f64::total_cmp);
            assert!(nearest <= all[0] * (1.0 + 1e-5), "{n}: {nearest} {}", all[0]);
            let mut few = Neighbours::new(8, f32::INFINITY);
            prepared.tree().search([q[0] as f32, q[1] as f32, q[2] as f32], &mut few);
            assert_eq!(few.count, n.min(8));
            let mut found: Vec<f64> = few.index[..few.count].iter().map(|i| d2(&kept[3 * *i as usize..], q)).collect();
            found.sort_by(f64::total_cmp);
            assert!(found.iter().zip(&all).all(|(a, b)| (a - b).abs() <= 1e-5 * b), "{n}");
        }
    }
}

#[test]
fn every_point_keeps_its_place_once() {
    let mut random = Random::new(2);
    let raw = points(&mut random, 777, 1.0);
    let prepared = prepare_cloud(&raw, &WISH).unwrap();
    let key = |p: &[f64], o: &[f64; 3]| [0, 1, 2].map(|k| ((p[k] + o[k]) * 1e9).round() as i64);
    let mut given: Vec<_> = raw.chunks_exact(3).map(|p| key(p, &[0.0; 3])).collect();
    let mut kept: Vec<_> = prepared.points.chunks_exact(3).map(|p| key(p, &prepared.kept.origin)).collect();
    given.sort_unstable();
    kept.sort_unstable();
    assert_eq!(given, kept);
}

#[test]
fn voxels_are_means_of_cells_and_near_in_memory() {
    let mut random = Random::new(9);
    let (raw, cell) = (points(&mut random, 20_000, 1.0), 0.05);
    let mut cells = std::collections::BTreeMap::new();
    for p in raw.chunks_exact(3) {
        let key = [0, 1, 2].map(|k| (p[k] / cell).floor() as i64);
        let sum = cells.entry(key).or_insert([0.0; 4]);
        (0..3).for_each(|k| sum[k] += p[k]);
        sum[3] += 1.0;
    }
    for tree in [false, true] {
        let kept = prepare_cloud(&raw, &Wish { cell, neighbours: 0, centroid: true, tree }).unwrap();
        assert_eq!(kept.kept.count, cells.len());
        let mut seen = std::collections::BTreeSet::new();
        let mut jumps = 0.0;
        let mut before = [0.0; 3];
        for p in kept.points[..3 * cells.len()].chunks_exact(3) {
            let p: [f64; 3] = core::array::from_fn(|k| p[k] + kept.kept.origin[k]);
            let key = p.map(|v| (v / cell).floor() as i64);
            let sum = cells[&key];
            assert!((0..3).all(|k| (sum[k] / sum[3] - p[k]).abs() < 1e-12));
            assert!(seen.insert(key));
            jumps += d2(&p, &before).sqrt();
            before = p;
        }
        // random order would jump by 1.3 a point
        assert!(jumps / (cells.len() as f64) < 0.3, "{jumps}");
    }
}

#[test]
fn the_closest_point_of_a_mesh_is_that_of_all_triangles() {
    let mut random = Random::new(3);
    let vertices = points(&mut random, 60, 1.0);
    let faces: Vec<u32> = (0..300).map(|_| (random.bits() % 60) as u32).collect();
    let prepared = prepare_mesh(&vertices, &faces).unwrap();
    let records = prepared.triangles.as_ref().unwrap();
    let queries = points(&mut random, 200, 2.0);
    let (index, found) = prepared.partners(&queries, f64::INFINITY);
    for (i, q) in queries.chunks_exact(3).enumerate() {
        let q: [f64; 3] = q.try_into().unwrap();
        let all = records[..12 * prepared.kept.count].chunks_exact(12);
        let least = all.map(|r| d2(&closest(r.try_into().unwrap(), &q).0, &q)).fold(f64::INFINITY, f64::min);
        assert!((d2(&found[3 * i..], &q) - least).abs() <= 1e-14, "{}", index[i]);
    }
}

#[test]
fn the_closest_point_of_a_triangle_is_its_nearest_convex_combination() {
    let mut random = Random::new(4);
    for _ in 0..300 {
        let record: Vec<f64> = points(&mut random, 3, 1.0);
        let full: [f64; 12] = core::array::from_fn(|k| if k < 9 { record[k] } else { 0.0 });
        let q: [f64; 3] = core::array::from_fn(|_| random.range(-2.0, 2.0));
        let best = d2(&closest(&full, &q).0, &q);
        for i in 0..=20 {
            for j in 0..=20 - i {
                let (s, t) = (f64::from(i) / 20.0, f64::from(j) / 20.0);
                let p: Vec<f64> = (0..3).map(|k| record[k] + s * record[3 + k] + t * record[6 + k]).collect();
                assert!(d2(&p, &q) >= best - 1e-12);
            }
        }
    }
}

#[test]
fn what_lies_beyond_reach_has_no_partner() {
    let mut random = Random::new(5);
    let prepared = prepare_cloud(&points(&mut random, 100, 1.0), &WISH).unwrap();
    let (index, _) = prepared.partners(&[9.0, 0.0, 0.0, 0.0, 0.0, 0.0], 2.0);
    assert_eq!(index[0], NONE);
    assert_ne!(index[1], NONE);
}

#[test]
fn normals_are_those_of_planes() {
    let mut random = Random::new(6);
    for _ in 0..200 {
        let n: [f64; 3] = core::array::from_fn(|_| random.range(-1.0, 1.0));
        let length = d2(&n, &[0.0; 3]).sqrt();
        let n = n.map(|v| v / length);
        let (a, b) = (random.range(0.2, 1.0), random.range(0.2, 1.0));
        // covariance with the spreads a, b across n and none along it
        let u = if n[0].abs() < 0.9 { [0.0, n[2], -n[1]] } else { [n[2], 0.0, -n[0]] };
        let size = d2(&u, &[0.0; 3]).sqrt();
        let u = u.map(|v| v / size);
        let v = [n[1] * u[2] - n[2] * u[1], n[2] * u[0] - n[0] * u[2], n[0] * u[1] - n[1] * u[0]];
        let c = |i: usize, j: usize| a * u[i] * u[j] + b * v[i] * v[j];
        let found = least([c(0, 0), c(0, 1), c(0, 2), c(1, 1), c(1, 2), c(2, 2)]);
        let along: f64 = (0..3).map(|k| found[k] * n[k]).sum();
        assert!((along.abs() - 1.0).abs() < 1e-9, "{found:?} {n:?}");
    }
    assert_eq!(least([0.0; 6]), [0.0; 3]);
    assert_eq!(least([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]), [0.0; 3]);
    assert_eq!(least([1.0, 0.0, 0.0, 1.0, 0.0, 1.0]), [0.0; 3]);
}

#[test]
fn an_exact_motion_is_recovered_and_moves_with_both_sides() {
    let mut random = Random::new(7);
    let raw = sheet(40);
    for method in [Method::PointToPlane, Method::Gicp] {
        for _ in 0..10 {
            let (a, truth) = (random.rigid(1.0), random.rigid(1.0));
            let target = prepare_cloud(&transform(&a, &raw), &WISH).unwrap();
            let some: Vec<f64> = raw.chunks_exact(3).step_by(3).flatten().copied().collect();
            let inverse = inverse(&truth);
            let source = prepare_cloud(&transform(&inverse, &some), &Wish { centroid: true, ..WISH }).unwrap();
            let how = Settings {
                method,
                loss: Kind::Squared,
                sigma: 0.0,
                reach: 0.02,
                most_iterations: 50,
                rotation_epsilon: 1e-9,
                translation_epsilon: 1e-9,
            };
            let mut start = product(&a, &truth);
            start[3] += 5e-4;
            let (found, evidence) = register(&target, &source, &start, &how).unwrap();
            assert!(distance(&found, &product(&a, &truth)) < 1e-9, "{method:?}");
            assert!(evidence.rms < 1e-10);
        }
    }
}

fn inverse(t: &[f64; 16]) -> [f64; 16] {
    let r = |i: usize, j: usize| t[4 * j + i];
    core::array::from_fn(|k| match (k / 4, k % 4) {
        (3, j) => f64::from(u8::from(j == 3)),
        (i, 3) => -(0..3).map(|m| r(i, m) * t[4 * m + 3]).sum::<f64>(),
        (i, j) => r(i, j),
    })
}

#[test]
fn nothing_panics() {
    let mut random = Random::new(8);
    let special = [f64::NAN, f64::INFINITY, 1e308, 1e-320, 0.0, -0.0, 1e9];
    for i in 0..2000 {
        let n = i % 12;
        let raw: Vec<f64> = (0..3 * n)
            .map(|_| match random.bits() % 9 {
                0 => special[(random.bits() % 7) as usize],
                1 => 1.0,
                _ => random.range(-1.0, 1.0),
            })
            .collect();
        let cell = [0.0, 1e-3, 0.5, 1e-12][i % 4];
        match prepare_cloud(&raw, &Wish { cell, ..WISH }) {
            Ok(found) => assert!(found.points.iter().chain(&found.normals).all(|v| v.is_finite())),
            Err(refusal) if n < 6 => assert_eq!(refusal, Refusal::TooFewPoints),
            Err(refusal) if raw.iter().any(|v| !v.is_finite() || v.abs() > 1e9) => {
                assert_eq!(refusal, Refusal::NotFinite)
            }
            Err(_) => (),
        }
        let faces: Vec<u32> = (0..9).map(|_| (random.bits() % 13) as u32).collect();
        if let Err(refusal) = prepare_mesh(&raw, &faces) {
            assert!(matches!(refusal, Refusal::EmptyMesh | Refusal::NotFinite | Refusal::BadFace));
        }
    }
}
