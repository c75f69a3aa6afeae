// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! What must hold whatever the mesh: nothing nearer is missed, and inside is inside.

mod common;

use common::{ball, turned, Owned};
use distance::{closest, prepare, Corners, Place, CORNERS};
use testkit::Random;

fn length(v: &[f64; 3]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn point(random: &mut Random, reach: f64) -> [f64; 3] {
    core::array::from_fn(|_| random.range(-reach, reach))
}

/// Triangles of all sizes and of every thinness, in no order.
fn soup(random: &mut Random, count: usize) -> Vec<f32> {
    let mut out = Vec::new();
    for _ in 0..count {
        let (middle, size) = (point(random, 0.1), 10f64.powf(random.range(-5.0, -1.0)));
        let (a, b, mut c) = (point(random, size), point(random, size), point(random, size));
        if random.range(0.0, 1.0) < 0.3 {
            let width = size * 10f64.powf(random.range(-12.0, -1.0));
            let along = random.range(-0.5, 1.5);
            c = core::array::from_fn(|k| a[k] + along * (b[k] - a[k]) + width * c[k] / size);
        }
        for corner in [a, b, c] {
            out.extend((0..3).map(|k| (middle[k] + corner[k]) as f32));
        }
    }
    out
}

#[test]
fn nothing_nearer_is_missed() {
    let mut random = Random::new(5);
    for round in 0..150 {
        let meshes: Vec<Vec<f32>> =
            (0..1 + round % 3).map(|k| soup(&mut random, 1 + (37 * round + 11 * k) % 900)).collect();
        let mut owned = Owned::prepared(&meshes).unwrap();
        for i in 0..30 {
            let mut q = point(&mut random, [0.12, 0.5, 10.0][i % 3]);
            if i % 5 == 0 {
                q = core::array::from_fn(|k| f64::from(meshes[0][k]));
            }
            for (k, mesh) in meshes.iter().enumerate() {
                let answer = owned.query(k, &q);
                let every = |j: usize| length(&closest(&Corners::from(mesh, j, &q)));
                let least = (0..mesh.len() / CORNERS).map(every).fold(f64::INFINITY, f64::min);
                assert!((answer.distance - least).abs() <= 1e-12, "{} for {least}", answer.distance);
                assert!((every(answer.triangle as usize) - least).abs() <= 1e-12);
                let way = core::array::from_fn(|k| answer.closest[k] - q[k]);
                assert!((length(&way) - least).abs() <= 1e-12 * (1.0 + length(&q)));
            }
        }
    }
}

#[test]
fn no_sample_of_a_triangle_is_nearer() {
    let mut random = Random::new(6);
    for _ in 0..3000 {
        let t = soup(&mut random, 1);
        let q = point(&mut random, 0.2);
        let found = length(&closest(&Corners::from(&t, 0, &q)));
        let corner = |i: usize, k: usize| f64::from(t[3 * i + k]);
        for step in 0..66 {
            let (i, j) = ((step % 11) as f64 / 10.0, (step / 11) as f64 / 5.0);
            let (u, v) = (i * (1.0 - j), j);
            let way = core::array::from_fn(|k| {
                corner(0, k) + u * (corner(1, k) - corner(0, k)) + v * (corner(2, k) - corner(0, k)) - q[k]
            });
            assert!(found <= length(&way) + 1e-9);
        }
    }
}

#[test]
fn just_off_a_triangle_however_thin_its_face_is_the_nearest() {
    let mut random = Random::new(9);
    for _ in 0..20_000 {
        let t = soup(&mut random, 1);
        let seen = Corners::from(&t, 0, &[0.0; 3]);
        let (ab, ac) = (seen.ab, seen.ac);
        let n: [f64; 3] = core::array::from_fn(|k| {
            let (i, j) = ((k + 1) % 3, (k + 2) % 3);
            ab[i] * ac[j] - ab[j] * ac[i]
        });
        if length(&n) < 1e-9 * length(&ab) * length(&ac) || length(&n) == 0.0 {
            continue;
        }
        let n = n.map(|v| v / length(&n));
        let (u, v) = (random.range(0.0, 0.5), random.range(0.0, 0.5));
        let height = 10f64.powf(random.range(-9.0, -2.0));
        let q = core::array::from_fn(|k| seen.a[k] + u * seen.ab[k] + v * seen.ac[k] + height * n[k]);
        let found = length(&closest(&Corners::from(&t, 0, &q)));
        assert!(found <= height + 1e-9 && found >= height - 1e-9, "{found} for {height}");
    }
}

#[test]
fn inside_a_ball_is_once_around_whichever_way_it_is_turned() {
    let mut random = Random::new(7);
    for n in [2, 3, 5, 8, 13, 40] {
        let outward = ball(0.05, n);
        let mut owned = Owned::prepared(&[outward.clone(), turned(&outward)]).unwrap();
        let inner = 0.05 * (std::f64::consts::PI / n as f64).cos() * 0.7;
        for _ in 0..400 {
            let q = point(&mut random, 0.07);
            let [one, other] = [0, 1].map(|k| owned.query(k, &q).winding);
            let wanted = match length(&q) {
                r if r < inner => 1.0,
                r if r > 0.0501 => 0.0,
                _ => continue,
            };
            assert!((one - wanted).abs() < 0.02 && (other + wanted).abs() < 0.02, "{n}: {one} {other} at {q:?}");
        }
    }
}

#[test]
fn near_the_surface_inside_is_still_told() {
    let mut random = Random::new(8);
    let mesh = ball(0.05, 60);
    let mut owned = Owned::prepared(&[mesh.clone()]).unwrap();
    for _ in 0..2000 {
        let j = random.range(0.0, (mesh.len() / 9) as f64) as usize;
        let t = Corners::from(&mesh, j, &[0.0; 3]);
        let Some(n) = t.normal() else { continue };
        let height = 10f64.powf(random.range(-9.0, -5.0));
        let foot: [f64; 3] = core::array::from_fn(|k| t.a[k] + 0.3 * t.ab[k] + 0.4 * t.ac[k]);
        let [above, below] =
            [1.0, -1.0].map(|s| owned.query(0, &core::array::from_fn(|k| foot[k] + s * height * n[k])));
        assert!(
            above.winding.abs() < 0.02 && (below.winding - 1.0).abs() < 0.02,
            "{} {}",
            above.winding,
            below.winding
        );
        assert!((above.distance - height).abs() < 1e-12 && below.distance <= height + 1e-12);
    }
}

#[test]
fn what_cannot_be_prepared_is_refused() {
    assert!(Owned::prepared(&[vec![0.0; 9]]).is_some());
    assert!(Owned::prepared(&[vec![]]).is_none());
    assert!(Owned::prepared(&[vec![f32::NAN; 9]]).is_none());
    assert!(Owned::prepared(&[vec![f32::INFINITY; 9]]).is_none());
    let mut owned = Owned::room(&[vec![0.0; 90]]);
    assert!(prepare(Place::default().next(11), &mut owned.arrays()).is_none());
    assert!(prepare(Place::default().next(10), &mut owned.arrays()).is_some());
}

#[test]
fn the_arena_has_room_whatever_the_counts() {
    for counts in [[1, 1, 1], [8, 9, 16], [17, 33, 65], [129, 257, 1025], [1000, 1, 2049]] {
        let meshes: Vec<Vec<f32>> = counts.iter().map(|n| vec![0.25; 9 * n]).collect();
        assert!(Owned::prepared(&meshes).is_some(), "{counts:?}");
    }
}
