from fastapi import FastAPI, HTTPException

app = FastAPI()


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/orders/{order_id}")
def order(order_id: int) -> dict[str, int]:
    if order_id % 10 == 0:
        raise HTTPException(404)
    return {"id": order_id}


@app.post("/orders")
def create() -> dict[str, int]:
    return {"id": 1}
