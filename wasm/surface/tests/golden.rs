// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The vectors that pytest reads too.

mod common;

use common::{prepare_cloud, prepare_mesh, register};
use surface::{Evidence, Kind, Method, Refusal, Settings, Wish};
use testkit::{cases, distance, number, numbers};

fn run(case: &serde_json::Value) -> Result<([f64; 16], Evidence), Refusal> {
    let cell = number(&case["voxel"]);
    let neighbours = case["neighbours"].as_u64().unwrap() as usize;
    let points = numbers(&case["points"]);
    let target = match case["faces"].as_array() {
        Some(faces) => prepare_mesh(&points, &faces.iter().map(|v| v.as_u64().unwrap() as u32).collect::<Vec<_>>())?,
        None => prepare_cloud(&points, &Wish { cell, neighbours, centroid: false, tree: true })?,
    };
    let method = if case["method"] == "gicp" { Method::Gicp } else { Method::PointToPlane };
    let tree = method == Method::Gicp;
    let wish = Wish { cell, neighbours: if tree { neighbours } else { 0 }, centroid: true, tree };
    let source = prepare_cloud(&numbers(&case["source"]), &wish)?;
    let losses = ["none", "huber", "cauchy", "tukey"];
    let loss = losses.iter().position(|l| case["loss"] == *l).unwrap();
    let epsilon = numbers(&case["epsilon"]);
    let how = Settings {
        method,
        loss: Kind::from_number(loss as u32).unwrap(),
        sigma: number(&case["sigma"]),
        reach: number(&case["reach"]),
        most_iterations: case["iterations"].as_u64().unwrap() as u32,
        rotation_epsilon: epsilon[0],
        translation_epsilon: epsilon[1],
    };
    register(&target, &source, &numbers(&case["start"]), &how)
}

#[test]
fn golden_vectors() {
    for case in cases("surface") {
        let name = case["name"].as_str().unwrap();
        match run(&case) {
            Err(refusal) => assert_eq!(refusal as i64, case["status"].as_i64().unwrap(), "{name}"),
            Ok((transform, found)) => {
                assert_eq!(case["status"].as_i64(), Some(0), "{name}");
                let tolerance = number(&case["tolerance"]);
                assert!(distance(&transform, &numbers(&case["transform"])) <= tolerance, "{name}: transform");
                assert_eq!(found.inliers as f64, number(&case["inliers"]), "{name}: inliers");
                let (rms, noise) = (number(&case["rms"]), number(&case["noise"]));
                assert!(distance(&[found.rms, found.noise], &[rms, noise]) <= tolerance, "{name}: rms");
                let sd: Vec<f64> = (0..6).map(|i| found.covariance[i][i].sqrt()).collect();
                assert!(distance(&sd, &numbers(&case["sd"])) <= tolerance, "{name}: sd");
                assert!(distance(&found.information, &numbers(&case["information"])) <= 1e-5, "{name}: information");
            }
        }
    }
}
