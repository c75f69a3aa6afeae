// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The vectors that pytest reads too.

mod common;

use common::{draw, World};
use serde_json::Value;
use testkit::{cases, numbers};

fn world(case: &Value) -> World {
    let f32s = |v: &Value| numbers(v).iter().map(|x| *x as f32).collect::<Vec<f32>>();
    let mesh = |m: &Value| (f32s(&m["vertices"]), numbers(&m["triangles"]).iter().map(|i| *i as u32).collect());
    World {
        width: case["width"].as_u64().unwrap() as usize,
        height: case["height"].as_u64().unwrap() as usize,
        camera: numbers(&case["camera"]),
        meshes: case["meshes"].as_array().unwrap().iter().map(mesh).collect(),
        poses: numbers(&case["poses"]),
        styles: f32s(&case["styles"]),
        look: numbers(&case["look"]),
        mask: numbers(&case["mask"]).iter().map(|v| *v as u8).collect(),
    }
}

/// The image under the golden vectors.
fn background(width: usize, height: usize) -> Vec<u8> {
    let pixel = |x: usize, y: usize| [0, 1, 2].map(|c| ((7 * x + 13 * y + 50 * c) % 256) as u8);
    (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect()
}

#[test]
fn golden_vectors() {
    for case in cases("overlay") {
        let name = case["name"].as_str().unwrap();
        let world = world(&case);
        let picture = draw(&world, &background(world.width, world.height), 2).unwrap();
        let ids: Vec<f64> = picture.ids.iter().map(|v| f64::from(*v)).collect();
        assert_eq!(ids, numbers(&case["ids"]), "{name}: ids");
        for (found, wanted) in picture.depth.iter().zip(numbers(&case["depth"])) {
            let found = if found.is_infinite() { 0.0 } else { f64::from(*found) };
            assert!((found - wanted).abs() <= 1e-5 * wanted, "{name}: depth {found}, not {wanted}");
        }
        for (found, wanted) in picture.image.iter().zip(numbers(&case["image"])) {
            assert!((f64::from(*found) - wanted).abs() <= 3.0, "{name}: colour {found}, not {wanted}");
        }
    }
}
