"""The usual way to serve scikit-learn from Lambda: FastAPI, Mangum, boto3, joblib; models loaded from S3 at import."""

import io
import os

import boto3
import joblib
from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel
from sklearn.pipeline import Pipeline

s3 = boto3.client("s3")


def load(target: str) -> Pipeline:
    reply = s3.get_object(Bucket=os.environ["BUCKET"], Key=f"{os.environ['PREFIX']}/pipeline-{target}.joblib")
    pipeline: Pipeline = joblib.load(io.BytesIO(reply["Body"].read()))
    return pipeline


priority = load("priority")
department = load("department")
app = FastAPI()


class Ticket(BaseModel):
    title: str
    description: str
    customer_email: str | None = None


class Answer(Ticket):
    predicted_priority: str
    predicted_department: str
    priority_confidence: float
    department_confidence: float


def best(pipeline: Pipeline, text: str) -> tuple[str, float]:
    probabilities = pipeline.predict_proba([text])[0]
    winner = probabilities.argmax()
    return str(pipeline.classes_[winner]), float(probabilities[winner])


@app.post("/classify")
def classify(ticket: Ticket) -> Answer:
    text = f"{ticket.title}\n{ticket.description}"
    priority_label, priority_confidence = best(priority, text)
    department_label, department_confidence = best(department, text)
    return Answer(
        **ticket.model_dump(),
        predicted_priority=priority_label,
        predicted_department=department_label,
        priority_confidence=priority_confidence,
        department_confidence=department_confidence,
    )


handler = Mangum(app, lifespan="off")
