"""FastAPI under uvicorn, without more."""

import classifier
from fastapi import FastAPI
from pydantic import BaseModel

model = classifier.load()
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


@app.post("/classify")
async def classify(ticket: Ticket) -> Answer:
    return Answer.model_validate({**ticket.model_dump(), **model.classify(ticket.title, ticket.description)})
