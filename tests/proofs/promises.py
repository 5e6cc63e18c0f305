"""The promises of docs/reliability.md, each with the module of this folder that proves it."""

from tests.proofs.proof import Proof

PROOFS = (
    Proof("crashes", "wherever it stops, every alias names a whole bundle and the next run succeeds"),
    Proof("orders", "of two who move an alias one wins, and its history is a line"),
    Proof("replies", "a lost reply is no false conflict and deletes nothing"),
    Proof("machine", "the registry is what a plain dictionary is, in memory and on disk"),
    Proof("moves", "while aliases move, an answer comes from one bundle, never an older one"),
    Proof("outages", "what is warm answers, whatever S3 does"),
    Proof("poison", "no artifact runs code, however it is dressed"),
    Proof("bits", "a changed bit is refused"),
    Proof("forgeries", "who can write the whole bucket forges nothing that is signed"),
    Proof("requests", "no request breaks the endpoint"),
    Proof("documented", "what the OpenAPI document says is what happens"),
    Proof("parsers", "no bytes break a parser, however much of it they reach"),
    Proof("refusals", "what is refused costs little"),
    Proof("privacy", "nothing private leaks"),
    Proof("spoiled", "bad training data moves no alias"),
    Proof("worse", "a worse model is never promoted"),
    Proof("releases", "old bundles load, unknown ones are refused kindly"),
    Proof("mutants", "the tests can fail"),
)
