// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The vectors that pytest reads too.

mod common;

use common::Workspace;
use handeye::Options;
use testkit::{cases, distance, number, numbers};

#[test]
fn golden_vectors() {
    for case in cases("handeye") {
        let name = case["name"].as_str().unwrap();
        let (a, b, noise) = (numbers(&case["a"]), numbers(&case["b"]), numbers(&case["noise"]));
        let options = Options {
            reject: case["reject"].as_bool().unwrap(),
            given_noise: (noise.len() == 2).then(|| (noise[0], noise[1])),
            gate_z: number(&case["gate_z"]),
            least_motion: number(&case["least_motion"]),
        };
        let mut work = Workspace::new(a.len() / 16);
        match work.solve(&a, &b, &options) {
            Err((refusal, index)) => {
                assert_eq!(refusal as i64, case["status"].as_i64().unwrap(), "{name}");
                if matches!(refusal as i64, 17 | 18) {
                    assert_eq!(index as u64, case["index"].as_u64().unwrap(), "{name}");
                }
            }
            Ok(found) => {
                assert_eq!(case["status"].as_i64(), Some(0), "{name}");
                let tolerance = number(&case["tolerance"]);
                let at = found.refined.at;
                assert!(distance(&at.x.array(), &numbers(&case["x"])) <= tolerance, "{name}: X");
                assert!(distance(&at.z.array(), &numbers(&case["z"])) <= tolerance, "{name}: Z");
                assert!(distance(&work.motion, &numbers(&case["motion"])) <= tolerance, "{name}: motion");
                assert!(distance(&work.keep, &numbers(&case["inliers"])) == 0.0, "{name}: inliers");
                let closed = [found.park, found.daniilidis, found.shah];
                for (form, wanted) in closed.iter().zip(case["closed"].as_array().unwrap()) {
                    let wanted = numbers(wanted);
                    if !wanted.is_empty() {
                        assert!(distance(&form.unwrap().x.array(), &wanted) <= tolerance, "{name}: closed form");
                    }
                }
            }
        }
    }
}
