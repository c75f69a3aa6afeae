// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The vectors that pytest reads too.

use calibration::offset::{correlate, pair_up, refine, PAIR};
use calibration::poses::Poses;
use calibration::track::{Signal, Track, ROW};
use calibration::{pivot, sphere, spin, Refusal};
use serde_json::Value;
use testkit::{cases, distance, number, numbers};

/// As arsurg_ros/kernels/calibration.py takes it from Fisher's F; the vectors' outliers lie far from any.
const LIMIT: f64 = 4.0;

fn pivot_answer(case: &Value) -> Result<Vec<f64>, Refusal> {
    let (poses, demand) = (numbers(&case["poses"]), numbers(&case["demand"]));
    let n = poses.len() / 16;
    let (mut residuals, mut scratch) = (vec![0.0; 4 * n], vec![0.0; 3 * n]);
    let demand = pivot::Demand { range: demand[0], swing: demand[1], limit: LIMIT };
    let robust = case["robust"].as_bool().unwrap();
    let f = pivot::solve(Poses(&poses), demand, robust, &mut residuals, &mut scratch)?;
    let mut out =
        [f.tip.as_slice(), f.pivot.as_slice(), &[f.rms, f.max, f.inliers as f64, f.range], &f.swings].concat();
    out.extend(f.inverse.iter());
    out.extend(residuals.chunks_exact(4).flat_map(|r| r[..3].to_vec()));
    out.extend(residuals.chunks_exact(4).map(|r| r[3]));
    Ok(out)
}

fn spin_answer(case: &Value) -> Result<Vec<f64>, Refusal> {
    let (poses, demand) = (numbers(&case["poses"]), numbers(&case["demand"]));
    let n = poses.len() / 16;
    let demand = spin::Demand { turn: demand[0], wobble: demand[1], radial: demand[2] };
    let f = spin::solve(Poses(&poses), demand, &mut vec![0.0; 4 * n], &mut vec![0.0; n])?;
    let vectors = [f.axis, f.point, f.direction, f.centre];
    let mut out: Vec<f64> = vectors.iter().flat_map(|v| v.iter().copied()).collect();
    out.extend([f.wobble, f.radial, f.turn]);
    out.extend(f.swings);
    Ok(out)
}

fn sphere_answer(case: &Value) -> Result<Vec<f64>, Refusal> {
    let points = numbers(&case["points"]);
    let mut residuals = vec![0.0; points.len() / 3];
    let f = sphere::solve(&points, &mut residuals)?;
    let mut out = [f.centre.as_slice(), &[f.radius, f.rms, f.max, f.condition]].concat();
    out.extend(f.inverse.iter());
    out.extend(residuals);
    Ok(out)
}

fn offset_answer(case: &Value) -> Result<Vec<f64>, Refusal> {
    let (fast, slow, lags) = (numbers(&case["fast"]), numbers(&case["slow"]), numbers(&case["lags"]));
    let (window, search) = (numbers(&case["window"]), numbers(&case["search"]));
    let signal = if case["signal"] == "rotation" { Signal::Rotation } else { Signal::Translation };
    let fast = Track { rows: &fast, signal, gap: window[1] };
    let slow = Track { rows: &slow, signal, gap: window[2] };
    let mut pairs = vec![0.0; PAIR * slow.rows.len() / ROW];
    let count = pair_up(&slow, window[0], &mut pairs);
    pairs.truncate(PAIR * count);
    let (mut curve, mut counts, mut scratch) = (vec![0.0; lags.len()], vec![0.0; lags.len()], vec![0.0; count]);
    correlate(&fast, &pairs, &lags, &mut curve, &mut counts, &mut scratch);
    let (f, used) = refine(&fast, &mut pairs, search[0], search[1], &mut scratch)?;
    let fit = [f.shift, f.sigma, f.gain, f.level, f.correlation, f.noise, f.outliers as f64, used as f64];
    Ok([curve.as_slice(), &counts, &fit].concat())
}

#[test]
fn golden_vectors() {
    for case in cases("calibration") {
        let name = case["name"].as_str().unwrap();
        let found = match case["kind"].as_str().unwrap() {
            "pivot" => pivot_answer(&case),
            "spin" => spin_answer(&case),
            "sphere" => sphere_answer(&case),
            "offset" => offset_answer(&case),
            other => panic!("{other}"),
        };
        match found {
            Err(refusal) => assert_eq!(refusal as i64, case["status"].as_i64().unwrap(), "{name}"),
            Ok(answer) => {
                assert_eq!(case["status"].as_i64(), Some(0), "{name}");
                let off = distance(&answer, &numbers(&case["answer"]));
                assert!(off <= number(&case["tolerance"]), "{name}: off by {off:e}");
            }
        }
    }
}
