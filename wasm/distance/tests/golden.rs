// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The vectors that pytest reads too.

mod common;

use common::Owned;
use testkit::{cases, distance, number, numbers};

#[test]
fn golden_vectors() {
    for case in cases("distance") {
        let name = case["name"].as_str().unwrap();
        let meshes: Vec<Vec<f32>> = case["meshes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|corners| numbers(corners).iter().map(|v| *v as f32).collect())
            .collect();
        let mut owned = Owned::prepared(&meshes).unwrap();
        let (mut found, mut closest, mut winding) = (Vec::new(), Vec::new(), Vec::new());
        for p in numbers(&case["points"]).as_chunks::<3>().0 {
            for mesh in 0..meshes.len() {
                let answer = owned.query(mesh, p);
                found.push(answer.distance);
                closest.extend(answer.closest);
                winding.push(answer.winding);
            }
        }
        let tolerance = number(&case["tolerance"]);
        assert!(distance(&found, &numbers(&case["distance"])) <= tolerance, "{name}: distance");
        assert!(distance(&closest, &numbers(&case["closest"])) <= tolerance, "{name}: closest point");
        let off = distance(&winding, &numbers(&case["winding"]));
        assert!(off <= number(&case["winding_tolerance"]), "{name}: winding number off by {off}");
    }
}
