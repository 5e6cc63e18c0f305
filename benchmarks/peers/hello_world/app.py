"""FastAPI and Mangum as their front pages show them."""

from fastapi import FastAPI
from mangum import Mangum

app = FastAPI()


@app.post("/classify")
def hello() -> dict[str, str]:
    return {"message": "hello world"}


handler = Mangum(app, lifespan="off")
