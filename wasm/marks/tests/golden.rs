// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The vectors that pytest reads too.

mod common;

use common::{background, Canvas};
use serde_json::Value;
use testkit::{cases, numbers};

fn size(case: &Value, name: &str) -> usize {
    case[name].as_u64().unwrap() as usize
}

#[test]
fn golden_vectors() {
    for case in cases("marks") {
        let name = case["name"].as_str().unwrap();
        let (width, height) = (size(&case, "width"), size(&case, "height"));
        let mut canvas = Canvas::new(width, height, size(&case, "segments"));
        canvas.pixels = background(width, height);
        canvas.points = numbers(&case["points"]);
        canvas.glyphs = numbers(&case["glyphs"]).iter().map(|v| *v as i32).collect();
        canvas.atlas = numbers(&case["atlas"]).iter().map(|v| *v as u8).collect();
        let done = canvas.draw(&numbers(&case["marks"]));
        assert_eq!(done, !case["refused"].as_bool().unwrap(), "{name}");
        if done {
            for (found, wanted) in canvas.pixels.iter().zip(numbers(&case["image"])) {
                assert!((f64::from(*found) - wanted).abs() <= 1.0, "{name}: colour {found}, not {wanted}");
            }
        }
    }
}
