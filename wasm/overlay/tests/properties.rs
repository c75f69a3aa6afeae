// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! What must hold for any triangles.

mod common;

use common::{draw, World};
use overlay::SUBPIXEL;
use testkit::Random;

const SIZE: usize = 40;
const FOCAL: f64 = 50.0;
const STYLE: [f32; 16] = [255.0, 255.0, 255.0, 1.0, 0.0, 1.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];

/// One mesh in the plane z = 1 whose pixel coordinates are given: x = (u - c) / f.
fn world(pixels: &[[f64; 2]], triangles: &[u32]) -> World {
    let metres = |u: f64| ((u - 20.0) / FOCAL) as f32;
    World {
        width: SIZE,
        height: SIZE,
        camera: vec![FOCAL, 0.0, 20.0, FOCAL, 20.0, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0, 0.0],
        meshes: vec![(pixels.iter().flat_map(|p| [metres(p[0]), metres(p[1]), 1.0]).collect(), triangles.to_vec())],
        poses: vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        styles: STYLE.to_vec(),
        look: vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        mask: vec![],
    }
}

fn covered(pixels: &[[f64; 2]], triangles: &[u32]) -> Vec<u8> {
    draw(&world(pixels, triangles), &[0; 3 * SIZE * SIZE], 1).unwrap().ids
}

fn snapped(v: f64) -> f64 {
    (v * f64::from(SUBPIXEL)).round() / f64::from(SUBPIXEL)
}

#[test]
fn a_fan_covers_every_pixel_once() {
    let mut random = Random::new(8);
    for _ in 0..300 {
        // the corners on pixel centres now and then, where the top-left rule decides
        let mut place = || {
            let v = random.range(-15.0, 55.0);
            if random.bits() % 3 == 0 {
                v.round()
            } else {
                v
            }
        };
        let middle = [place(), place()];
        let rim = [[-20.0, -20.0], [60.0, -20.0], [60.0, 60.0], [-20.0, 60.0]];
        let corners = [middle, rim[0], rim[1], rim[2], rim[3]];
        let mut sum = vec![0u8; SIZE * SIZE];
        for t in [[0u32, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 1]] {
            covered(&corners, &t).iter().zip(&mut sum).for_each(|(c, s)| *s += c);
        }
        assert!(sum.iter().all(|s| *s == 1), "middle {middle:?}");
    }
}

#[test]
fn coverage_is_the_half_planes_and_winding_does_not_matter() {
    let mut random = Random::new(9);
    for _ in 0..500 {
        let reach = if random.bits() % 2 == 0 { 300.0 } else { 20.0 };
        let p: [[f64; 2]; 3] =
            core::array::from_fn(|_| [(); 2].map(|()| snapped(random.range(20.0 - reach, 20.0 + reach))));
        let ids = covered(&p, &[0, 1, 2]);
        assert_eq!(ids, covered(&p, &[0, 2, 1]));
        let area =
            |a: [f64; 2], b: [f64; 2], c: [f64; 2]| (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        let sign = area(p[0], p[1], p[2]).signum();
        for (i, id) in ids.iter().enumerate() {
            let q = [(i % SIZE) as f64, (i / SIZE) as f64];
            let sides = [area(p[0], p[1], q), area(p[1], p[2], q), area(p[2], p[0], q)].map(|s| s * sign);
            let least = sides.into_iter().fold(f64::INFINITY, f64::min);
            if least.abs() > 3.0 {
                // beyond what half a sub-pixel of snapping can move an edge of up to 850 px
                assert_eq!(*id == 1, least > 0.0, "{p:?} at {q:?}");
            }
        }
    }
}

#[test]
fn a_picture_depends_on_this_frame_alone() {
    let world = world(&[[5.0, 5.0], [30.0, 8.0], [12.0, 33.0]], &[0, 1, 2]);
    let (once, often) = (draw(&world, &[9; 4800], 1).unwrap(), draw(&world, &[9; 4800], 3).unwrap());
    assert_eq!((once.image, once.ids), (often.image, often.ids));
    assert_eq!(once.region, [3, 3, 33, 36]);
}

#[test]
fn what_is_not_finite_is_refused() {
    let mut bad = world(&[[5.0, 5.0], [30.0, 8.0], [12.0, 33.0]], &[0, 1, 2]);
    bad.poses[3] = f64::NAN;
    assert!(draw(&bad, &[0; 4800], 1).is_none());
    bad.poses[3] = 0.0;
    bad.camera[0] = f64::INFINITY;
    assert!(draw(&bad, &[0; 4800], 1).is_none());
}

#[test]
fn any_pose_of_any_mesh_stays_inside() {
    let mut random = Random::new(10);
    for _ in 0..300 {
        let pixels: Vec<[f64; 2]> =
            (0..12).map(|_| [random.range(-200.0, 200.0), random.range(-200.0, 200.0)]).collect();
        let triangles: Vec<u32> = (0..30).map(|_| (random.bits() % 12) as u32).collect();
        let mut world = world(&pixels, &triangles);
        world.poses = random.rigid(1.0)[..12].to_vec();
        world.camera[5] = random.range(-0.3, 0.3);
        world.camera[10] = random.range(0.3, 0.9);
        let picture = draw(&world, &[0; 4800], 2).unwrap();
        for (depth, id) in picture.depth.iter().zip(&picture.ids) {
            assert_eq!(*id == 1, depth.is_finite());
            assert!(*depth >= 0.999e-3);
        }
    }
}
