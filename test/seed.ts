/**
 * Property tests draw a new seed at every run and print it when they fail. Where XJP_TEST_SEED is set they repeat that
 * one: CI sets it, so that a red run is the change's doing and not the draw's.
 */
import fc from "fast-check";

const seed = process.env["XJP_TEST_SEED"];
if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
